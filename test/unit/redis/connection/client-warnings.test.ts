import { expect, onTestFinished, test, vi } from 'vitest'
import { recordLog } from '../../../setup/logs.ts'

const MODULE = '../../../../src/redis/connection/client-warnings.ts'

test('a warning of ioredis is logged once, not written to the console; any other warning is written', async () => {
  const onConsole = vi.spyOn(console, 'warn').mockImplementation(() => {})
  onTestFinished(() => onConsole.mockRestore())
  // it replaces console.warn once per process, so a test that ran before may have done so
  vi.resetModules()
  const { routeClientWarnings } = await import(MODULE)
  const log = recordLog()
  routeClientWarnings(log)
  const needlessPassword =
    "[WARN] This Redis server's `default` user does not require a password, but a password was supplied"
  console.warn(needlessPassword)
  console.warn(needlessPassword)
  console.warn('Skipping the ready check because INFO command fails: "NOPERM"')
  console.warn('another')
  expect(onConsole.mock.calls).toEqual([['another']])
  expect(log.lines).toEqual([
    { level: 'warn', facts: {}, message: expect.stringContaining('asks for no password') },
  ])
})
