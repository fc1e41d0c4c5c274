import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { until } from '../../setup/waiting.ts'

const SCRIPT = 'test/integration/app/blockable-process.ts'
/** In this namespace, the process has PID 1 and cannot signal itself. */
const NAMESPACE = ['--user', '--map-root-user', '--pid', '--fork', '--kill-child']

describe('a stuck event loop ends the process, and the log says where it is stuck:', () => {
  test.each([
    ['endless loop', /^the event loop has been stuck for 1 s, in spin \(file:.*blockable-process/],
    [
      'catastrophic regular expression',
      /^the event loop has been stuck for 1 s, in .*blockable-process/,
    ],
    ['wait for another thread', /^the event loop has been stuck for 1 s, in .*blockable-process/],
  ])('%s', async (kind, message) => {
    const { lines, ended } = start([kind])
    expect(await ended).toEqual([1, null])
    expect(lines.at(-1)).toMatchObject({ level: 'fatal', blockedMs: 1000 })
    expect(lines.at(-1)?.msg).toMatch(message)
    expect(lines).toHaveLength(2)
  })
})

test.skipIf(!hasNamespaces())(
  'the first process of a container (PID 1) is ended, too',
  async () => {
    const child = spawn('unshare', [...NAMESPACE, process.execPath, SCRIPT, 'endless loop'])
    onTestFinished(() => void child.kill('SIGKILL'))
    expect(await once(child, 'exit')).toEqual([1, null])
  },
)

test('a process in a system call that does not return is ended by SIGKILL', async () => {
  const { lines, ended } = start(['system call'])
  expect(await ended).toEqual([null, 'SIGKILL'])
  expect(lines.at(-1)?.msg).toContain('stuck for 1 s, in native code or a system call')
})

test('a process that is stuck writing a log that nobody reads is ended, too', async () => {
  const child = spawn(process.execPath, [SCRIPT, 'endless log'])
  onTestFinished(() => void child.kill('SIGKILL'))
  const [exitCode, signal] = await once(child, 'exit')
  expect([exitCode, signal]).not.toEqual([0, null])
})

test('a process whose event loop is blocked for half the limit goes on', async () => {
  const { lines, ended } = start(['slow event', '1500'])
  expect(await ended).toEqual([0, null])
  expect(lines.map(({ msg }) => msg)).toEqual(['up', 'done'])
})

test('a process that was stopped for longer than the limit goes on', async () => {
  const { child, lines, ended, isUp } = start(['nothing', '2500'])
  await isUp
  await sleep(400)
  child.kill('SIGSTOP')
  await sleep(2500)
  child.kill('SIGCONT')
  expect(await ended).toEqual([0, null])
  expect(lines.map(({ msg }) => msg)).toEqual(['up', 'done'])
})

test('a process with a debugger attached is not ended', async () => {
  const { lines, ended } = start(['endless loop'], ['--inspect=127.0.0.1:0'])
  await Promise.race([ended, sleep(3000)])
  expect(lines.map(({ msg }) => msg)).toEqual(['up'])
})

test('an ended watch does not keep the process alive', async () => {
  const { ended } = start(['nothing'])
  expect(await ended).toEqual([0, null])
})

function hasNamespaces(): boolean {
  return spawnSync('unshare', [...NAMESPACE, 'true']).status === 0
}

function start(args: readonly string[], nodeArgs: readonly string[] = []) {
  const child: ChildProcess = spawn(process.execPath, [...nodeArgs, SCRIPT, ...args])
  const ended = once(child, 'close')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  const lines: { level: string; msg: string }[] = []
  createInterface({ input: child.stdout! }).on('line', (line) => lines.push(JSON.parse(line)))
  return { child, lines, ended, isUp: until('the process is up', () => lines.length > 0) }
}
