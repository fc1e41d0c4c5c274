import { expect, onTestFinished, test, vi } from 'vitest'
import { OutageBoard } from '../../../src/app/outage-board.ts'
import { retryAtStart } from '../../../src/app/retries.ts'
import { silentLog } from '../../setup/logs.ts'

const hangs = () => new Promise<void>(() => {})

test('a stop ends the retries even while an attempt hangs', async () => {
  const outages = new OutageBoard(['kafka'], silentLog, Date.now, () => {})
  const stopping = new AbortController()
  const waiting = retryAtStart('kafka', hangs, outages, stopping.signal)
  stopping.abort()
  await expect(waiting).resolves.toBeUndefined()
})

test('an attempt that hangs is reported to the board, and so is its late success', async () => {
  vi.useFakeTimers()
  onTestFinished(() => {
    vi.useRealTimers()
  })
  const outages = new OutageBoard(['kafka'], silentLog, Date.now, () => {})
  const { promise: answer, resolve: succeed } = Promise.withResolvers<void>()
  const waiting = retryAtStart('kafka', () => answer, outages, new AbortController().signal)
  vi.advanceTimersByTime(4900)
  expect(outages.states()).toEqual([{ name: 'kafka', ok: true }])
  vi.advanceTimersByTime(200)
  expect(outages.states()).toMatchObject([{ ok: false, detail: expect.stringContaining('TLS') }])
  succeed()
  await waiting
  expect(outages.states()).toEqual([{ name: 'kafka', ok: true }])
})
