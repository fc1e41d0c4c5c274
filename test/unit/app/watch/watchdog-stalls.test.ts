import { expect, test } from 'vitest'
import { Stalls } from '../../../../src/app/watch/watchdog-stalls.ts'
import type { PartitionState } from '../../../../src/kafka/consumer/partition-states.ts'
import type { PartitionOffsets } from '../../../../src/pipeline/ports.ts'

const LIMIT_MS = 300_000
const STEP_MS = 60_000

test('a partition that does not advance although it has records to read exceeds the limit', () => {
  const watched = watch()
  watched.add([at(0, 5n)], [upTo(0, 9n)])
  for (let step = 1; step < 5; step++) {
    watched.add([at(0, 5n)], [upTo(0, 9n)])
    expect(watched.exceeding()).toEqual([])
  }
  watched.add([at(0, 5n)], [upTo(0, 12n)])
  expect(watched.stalls.exceeding(LIMIT_MS)).toMatchObject([
    { partition: 0, position: 5n, lag: 7n, stalledMs: LIMIT_MS, sinceMs: STEP_MS },
  ])
})

test('a partition that advances between checks, even by one record, never stalls', () => {
  const watched = watch()
  for (let step = 0n; step < 20n; step++) watched.add([at(0, step)], [upTo(0, 1000n)])
  expect(watched.exceeding()).toEqual([])
})

test('a partition that is rewound has progress', () => {
  const watched = watch()
  for (let step = 0; step < 5; step++) watched.add([at(0, 5n)], [upTo(0, 9n)])
  for (let step = 0; step < 5; step++) watched.add([at(0, 2n)], [upTo(0, 9n)])
  expect(watched.exceeding()).toEqual([])
})

test('a partition without records to read does not stall, and its time starts at the next record', () => {
  const watched = watch()
  for (let step = 0; step < 50; step++) watched.add([at(0, 9n)], [upTo(0, 9n)])
  expect(watched.exceeding()).toEqual([])
  for (let step = 0; step < 5; step++) watched.add([at(0, 9n)], [upTo(0, 10n)])
  expect(watched.exceeding()).toEqual([])
  watched.add([at(0, 9n)], [upTo(0, 10n)])
  expect(watched.exceeding()).toEqual([0])
})

test('a partition whose records were all removed by retention does not stall', () => {
  const watched = watch()
  const emptied = { ...upTo(0, 50n), start: 50n }
  for (let step = 0; step < 10; step++) watched.add([at(0, 5n)], [emptied])
  expect(watched.exceeding()).toEqual([])
})

test('before its first batch, a partition is at its committed offset, also after a reassignment', () => {
  const watched = watch()
  const committed = { ...upTo(0, 9n), next: 4n }
  watched.add([at(0, 4n)], [committed])
  for (let step = 0; step < 5; step++) watched.add([{ partition: 0 }], [committed])
  expect(watched.stalls.exceeding(LIMIT_MS)).toMatchObject([{ position: 4n }])
})

test('a commit by another worker is progress', () => {
  const watched = watch()
  for (let step = 0n; step < 10n; step++) {
    watched.add([{ partition: 0 }], [{ ...upTo(0, 100n), next: step }])
  }
  expect(watched.exceeding()).toEqual([])
})

test('a partition that is stopped at a record, or no longer assigned, does not stall', () => {
  const watched = watch()
  const stopped = { ...at(0, 5n), stopped: { offset: 5n, message: 'stopped' } }
  for (let step = 0; step < 10; step++) watched.add([stopped], [upTo(0, 9n)])
  for (let step = 0; step < 5; step++) watched.add([at(1, 5n)], [upTo(1, 9n)])
  watched.add([], [upTo(1, 9n)])
  watched.add([at(1, 5n)], [upTo(1, 9n)])
  expect(watched.exceeding()).toEqual([])
})

test('while others advance, a partition without a batch in flight has more time, for its turn', () => {
  const watched = watch()
  const offsets = [upTo(0, 9n), upTo(1, 1000n), upTo(2, 1000n)]
  const step = (n: number) => watched.add([at(0, 5n), at(1, BigInt(n)), at(2, BigInt(n))], offsets)
  for (let n = 0; n < 15; n++) {
    step(n)
    expect(watched.exceeding()).toEqual([])
  }
  step(15)
  expect(watched.exceeding()).toEqual([0])
})

test('while others advance, a partition whose batch in flight does not finish exceeds the limit', () => {
  const watched = watch()
  const offsets = [upTo(0, 9n), upTo(1, 1000n)]
  const batch = {}
  const step = (n: number) =>
    watched.add([at(0, 5n), at(1, BigInt(n))], offsets, new Map([[0, [batch, {}]]]))
  for (let n = 0; n < 5; n++) step(n)
  expect(watched.exceeding()).toEqual([])
  step(5)
  expect(watched.exceeding()).toEqual([0])
})

test('when no partition advances, the one with a batch in flight is reported first', () => {
  const watched = watch()
  const inFlight = new Map([[1, [{}]]])
  const states = [at(0, 5n), at(1, 5n), at(2, 9n)]
  const offsets = [upTo(0, 9n), upTo(1, 9n), upTo(2, 9n)]
  for (let step = 0; step < 6; step++) watched.add(states, offsets, inFlight)
  expect(watched.exceeding()).toEqual([1, 0])
})

test('no stall is possible while every partition advances, or before the second check', () => {
  const { stalls, add } = watch()
  expect(stalls.arePossible([at(0, 5n)])).toBe(false)
  add([at(0, 5n)], [])
  expect(stalls.arePossible([at(0, 6n)])).toBe(false)
  expect(stalls.arePossible([at(0, 5n)])).toBe(true)
  expect(stalls.arePossible([at(0, 6n), at(1, 5n)])).toBe(false)
  const stopped = { ...at(0, 5n), stopped: { offset: 5n, message: 'stopped' } }
  expect(stalls.arePossible([stopped])).toBe(false)
})

/** Adds observations that are one step apart. */
function watch() {
  const stalls = new Stalls()
  let nowMs = 0
  return {
    stalls,
    exceeding: () => stalls.exceeding(LIMIT_MS).map(({ partition }) => partition),
    add(
      partitions: readonly PartitionState[],
      offsets: readonly PartitionOffsets[],
      inFlight: ReadonlyMap<number, readonly object[]> = new Map(),
    ) {
      nowMs += STEP_MS
      stalls.add({ partitions, offsets, inFlight, passedMs: STEP_MS, nowMs })
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
