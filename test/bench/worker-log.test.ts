import { expect, test } from 'vitest'
import { relevantLines } from './worker-log.ts'

test('an uncaught error is shown by its message, without the stack', () => {
  const log = `node:internal/modules/run_main:107
    triggerUncaughtException(
    ^

Error [ERR_MODULE_NOT_FOUND]: Cannot find module 'main.js'
    at finalizeResolution (node:internal/modules/esm/resolve:283:11)
    at moduleResolve (node:internal/modules/esm/resolve:864:10) {
  code: 'ERR_MODULE_NOT_FOUND'
}

Node.js v24.21.0
`
  expect(relevantLines(log)[0]).toBe("Error [ERR_MODULE_NOT_FOUND]: Cannot find module 'main.js'")
  expect(relevantLines(log).join('\n')).not.toContain('finalizeResolution')
})

test('of lines of JSON, the first error is shown, with its cause', () => {
  const lines = [
    { level: 'info', msg: 'the worker starts' },
    { level: 'fatal', err: { name: 'TypeError', message: 'x is no y' }, msg: 'ended by a bug' },
  ]
  expect(relevantLines(lines.map((line) => JSON.stringify(line)).join('\n'))).toEqual([
    'fatal: ended by a bug: x is no y',
  ])
})

test('without an error, the last lines are shown', () => {
  const log = Array.from({ length: 9 }, (_, i) => `line ${i}`).join('\n')
  expect(relevantLines(log)).toEqual(['line 4', 'line 5', 'line 6', 'line 7', 'line 8'])
})
