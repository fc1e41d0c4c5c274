import { expect, test } from 'vitest'
import { WorkersBehind, waitForWorkers } from '../../../../src/app/verify/workers.ts'

const ENDS = new Map([
  [0, 10n],
  [1, 20n],
])

test('workers that have passed the offsets are not waited for, whatever was produced since', async () => {
  const lags = await wait([[10n, 25n]])
  expect(lags).toEqual([])
})

test('workers that make progress are waited for, however long it takes', async () => {
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

test('workers that replay what Redis lost make progress, although their lag grows', async () => {
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

test('workers without progress fail the wait, and the message names their positions', async () => {
  const failure = await wait([[3n, 15n]], 600).catch((error) => error)
  expect(failure).toBeInstanceOf(WorkersBehind)
  expect(failure.message).toMatch(
    /^no worker makes progress: consumer group workers has a lag of 12 /,
  )
  expect(failure.message).toContain('partition 0 is at 3, 7 behind')
  expect(failure.message).toContain('partition 1 is at 15, 5 behind')
})

test('the signal ends the wait', async () => {
  const stopping = new AbortController()
  const waiting = wait([[0n, 0n]], 60_000, stopping)
  stopping.abort()
  await expect(waiting).rejects.toThrow('abort')
})

/** @param commits of both partitions, one pair for each call; the last pair is repeated */
async function wait(
  commits: readonly (readonly [bigint, bigint])[],
  timeoutMs = 1000,
  stopping = new AbortController(),
): Promise<bigint[]> {
  const lags: bigint[] = []
  let calls = 0
  let nowMs = 0
  await waitForWorkers(ENDS, {
    topic: {
      async offsets() {
        const commit = commits[Math.min(calls++, commits.length - 1)] ?? []
        return commit.map((next, partition) => ({
          ...{ partition, next, start: 0n, end: 100n, committed: next },
        }))
      },
    },
    timeoutMs,
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
