import { expect, test } from 'vitest'
import { untilPassed, WorkersBehind } from '../../../../src/app/verify/workers.ts'

const ENDS = new Map([
  [0, 10n],
  [1, 20n],
])

test('workers that have passed are not waited for, whatever came since', async () => {
  const lags = await wait([[10n, 25n]])
  expect(lags).toEqual([])
})

test('workers that move are waited for, however long it takes', async () => {
  const lags = await wait(
    [
      [4n, 20n],
      [4n, 20n],
      [9n, 20n],
      [9n, 20n],
      [10n, 21n],
    ],
    700,
  )
  expect(lags).toEqual([6n, 6n, 1n, 1n])
})

test('workers that read lost state again move, though they are farther behind than before', async () => {
  const lags = await wait(
    [
      [8n, 20n],
      [0n, 0n],
      [0n, 9n],
      [5n, 15n],
      [10n, 20n],
    ],
    700,
  )
  expect(lags).toEqual([2n, 30n, 21n, 10n])
})

test('workers that stand still are given up, and it is said where', async () => {
  const failure = await wait([[3n, 15n]], 600).catch((error) => error)
  expect(failure).toBeInstanceOf(WorkersBehind)
  expect(failure.message).toMatch(/^nobody is reading: consumer group workers has a lag of 12 /)
  expect(failure.message).toContain('partition 0 stands at 3, 7 behind')
  expect(failure.message).toContain('partition 1 stands at 15, 5 behind')
})

test('the signal ends the wait', async () => {
  const stopping = new AbortController()
  const waiting = wait([[0n, 0n]], 60_000, stopping)
  stopping.abort()
  await expect(waiting).rejects.toThrow('abort')
})

/** @param commits of both partitions, as asked for one after the other; the last of them stays */
async function wait(
  commits: readonly (readonly [bigint, bigint])[],
  patienceMs = 1000,
  stopping = new AbortController(),
): Promise<bigint[]> {
  const lags: bigint[] = []
  let asked = 0
  let nowMs = 0
  await untilPassed(ENDS, {
    topic: {
      async offsets() {
        const commit = commits[Math.min(asked++, commits.length - 1)] ?? []
        return commit.map((next, partition) => ({
          ...{ partition, next, start: 0n, end: 100n, committed: next },
        }))
      },
    },
    patienceMs,
    onWaiting: (lag) => lags.push(lag),
    consumerGroup: 'workers',
    signal: stopping.signal,
    elapsed: () => nowMs,
    sleep: async (ms, signal) => {
      signal.throwIfAborted()
      nowMs += ms
    },
  })
  return lags
}
