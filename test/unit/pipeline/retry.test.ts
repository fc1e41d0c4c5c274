import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Abandoned, Unavailable } from '../../../src/pipeline/errors.ts'
import { backoffMs, type RetryRules, retryUntilAvailable } from '../../../src/pipeline/retry.ts'

const rules: RetryRules = {
  firstDelayMs: 100,
  maxDelayMs: 3000,
  heartbeatMs: 1,
  random: () => 1,
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
  onUnavailable: () => {},
  onAvailable: () => {},
}

test('waits double up to a ceiling, and half of each is random', () => {
  const waits = [0, 1, 2, 3, 4, 5, 6, 1000].map((failures) => backoffMs(failures, rules))
  expect(waits).toEqual([100, 200, 400, 800, 1600, 3000, 3000, 3000])
  expect(backoffMs(2, { ...rules, random: () => 0 })).toBe(200)
})

test('a long attempt is accompanied by heartbeats, and none follow it', async () => {
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
  expect(await retryUntilAvailable(() => attempt, context, rules)).toBe('done')
  const before = heartbeats
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(heartbeats).toBe(before)
})

test('an attempt that fails after a heartbeat failed causes no unhandled rejection', async () => {
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
  await expect(retryUntilAvailable(() => attempt, context, rules)).rejects.toBe(rebalance)
  fail(new Error('late'))
  await new Promise((resolve) => setImmediate(resolve))
})

test('many short attempts are accompanied by heartbeats, like one long attempt', async () => {
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
  const waiting = retryUntilAvailable(away, context, {
    ...rules,
    sleep: fakeSleep,
    heartbeatMs: 4000,
  })
  waiting.catch(() => {})
  await vi.advanceTimersByTimeAsync(40_000)
  expect(heartbeats).toBe(10)
  stopping.abort()
  await vi.advanceTimersByTimeAsync(10_000)
  await expect(waiting).rejects.toThrow(Abandoned)
})

test('nothing is attempted once the partitions are reassigned', async () => {
  let attempts = 0
  const reported: unknown[] = []
  const abandoned = new Abandoned('reassigned')
  const context = {
    signal: new AbortController().signal,
    assertOwned: () => {
      if (attempts === 2) throw abandoned
    },
    heartbeat: async () => {},
  }
  const attempt = () => {
    attempts++
    return Promise.reject(new Unavailable('redis', 'away'))
  }
  const reportingRules = {
    ...rules,
    firstDelayMs: 1,
    onUnavailable: (error: unknown) => reported.push(error),
  }
  await expect(retryUntilAvailable(attempt, context, reportingRules)).rejects.toBe(abandoned)
  expect([attempts, reported.length]).toEqual([2, 2])
})

function fakeSleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    setTimeout(resolve, ms)
    signal.addEventListener('abort', () => reject(signal.reason))
  })
}
