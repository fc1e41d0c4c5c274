import { expect, test } from 'vitest'
import { Stalls } from '../../../../src/app/watch/watchdog-stalls.ts'
import type { PartitionState } from '../../../../src/kafka/consumer/partition-states.ts'
import type { PartitionOffsets } from '../../../../src/pipeline/ports.ts'

const LIMIT_MS = 300_000
const STEP_MS = 60_000

test('a partition with records to read that stays where it is is over after the limit', () => {
  const watched = watch()
  watched.look([at(0, 5n)], [upTo(0, 9n)])
  for (let step = 1; step < 5; step++) {
    watched.look([at(0, 5n)], [upTo(0, 9n)])
    expect(watched.over()).toEqual([])
  }
  watched.look([at(0, 5n)], [upTo(0, 12n)])
  expect(watched.stalls.over(LIMIT_MS)).toMatchObject([
    { partition: 0, position: 5n, lag: 7n, stalledMs: LIMIT_MS, sinceMs: STEP_MS },
  ])
})

test('a partition that moves between looks never stalls, be it by one record', () => {
  const watched = watch()
  for (let step = 0n; step < 20n; step++) watched.look([at(0, step)], [upTo(0, 1000n)])
  expect(watched.over()).toEqual([])
})

test('a partition that goes back, to be read again, has moved', () => {
  const watched = watch()
  for (let step = 0; step < 5; step++) watched.look([at(0, 5n)], [upTo(0, 9n)])
  for (let step = 0; step < 5; step++) watched.look([at(0, 2n)], [upTo(0, 9n)])
  expect(watched.over()).toEqual([])
})

test('a partition without records to read stands as long as it likes, and starts anew when one comes', () => {
  const watched = watch()
  for (let step = 0; step < 50; step++) watched.look([at(0, 9n)], [upTo(0, 9n)])
  expect(watched.over()).toEqual([])
  for (let step = 0; step < 5; step++) watched.look([at(0, 9n)], [upTo(0, 10n)])
  expect(watched.over()).toEqual([])
  watched.look([at(0, 9n)], [upTo(0, 10n)])
  expect(watched.over()).toEqual([0])
})

test('what retention took away is not there to be read', () => {
  const watched = watch()
  const emptied = { ...upTo(0, 50n), start: 50n }
  for (let step = 0; step < 10; step++) watched.look([at(0, 5n)], [emptied])
  expect(watched.over()).toEqual([])
})

test('before its first batch a partition stands at what is committed, also when it is assigned again and again', () => {
  const watched = watch()
  const committed = { ...upTo(0, 9n), next: 4n }
  watched.look([at(0, 4n)], [committed])
  for (let step = 0; step < 5; step++) watched.look([{ partition: 0 }], [committed])
  expect(watched.stalls.over(LIMIT_MS)).toMatchObject([{ position: 4n }])
})

test('a commit by another worker in between is progress', () => {
  const watched = watch()
  for (let step = 0n; step < 10n; step++) {
    watched.look([{ partition: 0 }], [{ ...upTo(0, 100n), next: step }])
  }
  expect(watched.over()).toEqual([])
})

test('a partition that is stopped at a record, or no longer ours, does not stall', () => {
  const watched = watch()
  const stopped = { ...at(0, 5n), stopped: { offset: 5n, message: 'stopped' } }
  for (let step = 0; step < 10; step++) watched.look([stopped], [upTo(0, 9n)])
  for (let step = 0; step < 5; step++) watched.look([at(1, 5n)], [upTo(1, 9n)])
  watched.look([], [upTo(1, 9n)])
  watched.look([at(1, 5n)], [upTo(1, 9n)])
  expect(watched.over()).toEqual([])
})

test('while others move, one with no batch in hand waits for its turn, which may take a while', () => {
  const watched = watch()
  const offsets = [upTo(0, 9n), upTo(1, 1000n), upTo(2, 1000n)]
  const step = (n: number) => watched.look([at(0, 5n), at(1, BigInt(n)), at(2, BigInt(n))], offsets)
  for (let n = 0; n < 15; n++) {
    step(n)
    expect(watched.over()).toEqual([])
  }
  step(15)
  expect(watched.over()).toEqual([0])
})

test('while others move, one whose batch in hand does not end is over after the limit', () => {
  const watched = watch()
  const offsets = [upTo(0, 9n), upTo(1, 1000n)]
  const batch = {}
  const step = (n: number) =>
    watched.look([at(0, 5n), at(1, BigInt(n))], offsets, new Map([[0, [batch, {}]]]))
  for (let n = 0; n < 5; n++) step(n)
  expect(watched.over()).toEqual([])
  step(5)
  expect(watched.over()).toEqual([0])
})

test('where nothing moves, the partition whose batch is in hand comes first', () => {
  const watched = watch()
  const inFlight = new Map([[1, [{}]]])
  const states = [at(0, 5n), at(1, 5n), at(2, 9n)]
  const offsets = [upTo(0, 9n), upTo(1, 9n), upTo(2, 9n)]
  for (let step = 0; step < 6; step++) watched.look(states, offsets, inFlight)
  expect(watched.over()).toEqual([1, 0])
})

test('brokers need not be asked while every partition moves, or before the second look', () => {
  const { stalls, look } = watch()
  expect(stalls.areLikely([at(0, 5n)])).toBe(false)
  look([at(0, 5n)], [])
  expect(stalls.areLikely([at(0, 6n)])).toBe(false)
  expect(stalls.areLikely([at(0, 5n)])).toBe(true)
  expect(stalls.areLikely([at(0, 6n), at(1, 5n)])).toBe(false)
  const stopped = { ...at(0, 5n), stopped: { offset: 5n, message: 'stopped' } }
  expect(stalls.areLikely([stopped])).toBe(false)
})

/** Looks that are a step apart, the first after one step. */
function watch() {
  const stalls = new Stalls()
  let nowMs = 0
  return {
    stalls,
    over: () => stalls.over(LIMIT_MS).map(({ partition }) => partition),
    look(
      partitions: readonly PartitionState[],
      offsets: readonly PartitionOffsets[],
      inFlight: ReadonlyMap<number, readonly object[]> = new Map(),
    ) {
      nowMs += STEP_MS
      stalls.look({ partitions, offsets, inFlight, passedMs: STEP_MS, nowMs })
    },
  }
}

const at = (partition: number, position: bigint): PartitionState => ({ partition, position })

const upTo = (partition: number, end: bigint): PartitionOffsets => ({
  partition,
  start: 0n,
  end,
  next: 0n,
  committed: undefined,
})
