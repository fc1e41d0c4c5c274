import { expect, onTestFinished, test, vi } from 'vitest'
import { OutageBoard } from '../../../src/app/outage-board.ts'
import { waitAtStart } from '../../../src/app/waiting.ts'
import { silentLog } from '../../setup/logs.ts'

const hangs = () => new Promise<void>(() => {})

test('a stop ends the wait even while an attempt hangs', async () => {
  const outages = new OutageBoard(['kafka'], silentLog, Date.now, () => {})
  const stopping = new AbortController()
  const waiting = waitAtStart('kafka', hangs, outages, stopping.signal)
  stopping.abort()
  await expect(waiting).resolves.toBeUndefined()
})

test('an attempt that hangs is told to the board, and its late success too', async () => {
  vi.useFakeTimers()
  onTestFinished(() => {
    vi.useRealTimers()
  })
  const outages = new OutageBoard(['kafka'], silentLog, Date.now, () => {})
  const { promise: answer, resolve: succeed } = Promise.withResolvers<void>()
  const waiting = waitAtStart('kafka', () => answer, outages, new AbortController().signal)
  vi.advanceTimersByTime(4900)
  expect(outages.states()).toEqual([{ name: 'kafka', ok: true }])
  vi.advanceTimersByTime(200)
  expect(outages.states()).toMatchObject([{ ok: false, detail: expect.stringContaining('TLS') }])
  succeed()
  await waiting
  expect(outages.states()).toEqual([{ name: 'kafka', ok: true }])
})
