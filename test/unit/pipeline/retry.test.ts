import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
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
  const lease = {
    signal: new AbortController().signal,
    heartbeat: async () => {
      heartbeats++
      if (heartbeats === 3) finish('done')
    },
  }
  expect(await waitOut(() => attempt, lease, rules)).toBe('done')
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
  const lease = {
    signal: new AbortController().signal,
    heartbeat: async () => {
      throw rebalance
    },
  }
  await expect(waitOut(() => attempt, lease, rules)).rejects.toBe(rebalance)
  fail(new Error('late'))
  await new Promise((resolve) => setImmediate(resolve))
})
