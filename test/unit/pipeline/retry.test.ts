import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Abandoned, Unavailable } from '../../../src/pipeline/errors.ts'
import { backoffMs, type RetryRules, waitOut } from '../../../src/pipeline/retry.ts'

const rules: RetryRules = {
  firstDelayMs: 100,
  maxDelayMs: 3000,
  heartbeatMs: 1,
  random: () => 1,
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
  onUnavailable: () => {},
  onAvailable: () => {},
}

test('waits double up to a ceiling, and half of each is chance', () => {
  const waits = [0, 1, 2, 3, 4, 5, 6, 1000].map((failures) => backoffMs(failures, rules))
  expect(waits).toEqual([100, 200, 400, 800, 1600, 3000, 3000, 3000])
  expect(backoffMs(2, { ...rules, random: () => 0 })).toBe(200)
})

test('a long attempt is accompanied by heartbeats, and none come after it', async () => {
  let heartbeats = 0
  let finish = (_: string) => {}
  const attempt = new Promise<string>((resolve) => {
    finish = resolve
  })
  const context = {
    signal: new AbortController().signal,
    assertOwned: () => {},
    heartbeat: async () => {
      heartbeats++
      if (heartbeats === 3) finish('done')
    },
  }
  expect(await waitOut(() => attempt, context, rules)).toBe('done')
  const before = heartbeats
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(heartbeats).toBe(before)
})

test('an attempt that fails after its heartbeat did is nobody’s unhandled rejection', async () => {
  let fail = (_: Error) => {}
  const attempt = new Promise<string>((_, reject) => {
    fail = reject
  })
  const rebalance = new Error('rebalance')
  const context = {
    signal: new AbortController().signal,
    assertOwned: () => {},
    heartbeat: async () => {
      throw rebalance
    },
  }
  await expect(waitOut(() => attempt, context, rules)).rejects.toBe(rebalance)
  fail(new Error('late'))
  await new Promise((resolve) => setImmediate(resolve))
})

test('many short attempts and pauses are accompanied by heartbeats as one long one is', async () => {
  vi.useFakeTimers()
  onTestFinished(() => {
    vi.useRealTimers()
  })
  const stopping = new AbortController()
  let heartbeats = 0
  const context = {
    signal: stopping.signal,
    assertOwned: () => {},
    heartbeat: async () => {
      heartbeats++
    },
  }
  const away = () => Promise.reject(new Unavailable('redis', 'away'))
  const waiting = waitOut(away, context, { ...rules, sleep: fakeSleep, heartbeatMs: 4000 })
  waiting.catch(() => {})
  await vi.advanceTimersByTimeAsync(40_000)
  expect(heartbeats).toBe(10)
  stopping.abort()
  await vi.advanceTimersByTimeAsync(10_000)
  await expect(waiting).rejects.toThrow(Abandoned)
})

test('nothing is attempted once the partitions were assigned anew', async () => {
  let attempts = 0
  const told: unknown[] = []
  const lost = new Abandoned('assigned anew')
  const context = {
    signal: new AbortController().signal,
    assertOwned: () => {
      if (attempts === 2) throw lost
    },
    heartbeat: async () => {},
  }
  const attempt = () => {
    attempts++
    return Promise.reject(new Unavailable('redis', 'away'))
  }
  const listening = {
    ...rules,
    firstDelayMs: 1,
    onUnavailable: (error: unknown) => told.push(error),
  }
  await expect(waitOut(attempt, context, listening)).rejects.toBe(lost)
  expect([attempts, told.length]).toEqual([2, 2])
})

function fakeSleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    setTimeout(resolve, ms)
    signal.addEventListener('abort', () => reject(signal.reason))
  })
}
