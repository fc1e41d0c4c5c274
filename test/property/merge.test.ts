import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, describe, expect, inject, test } from 'vitest'
import { fold, type GroupState, mergeState } from '../../src/domain/merge/merge.ts'
import { Unavailable } from '../../src/pipeline/errors.ts'
import type { GroupStore } from '../../src/pipeline/ports.ts'
import {
  openGroupStore,
  STORE_LIMITS,
  type StoreLimits,
} from '../../src/redis/writing/group-store.ts'
import { cut, delivered, type Event, events, shuffled } from '../setup/oracle/arrangements.ts'
import { statesByDefinition } from '../setup/oracle/definition.ts'
import {
  deleteLayout,
  type Layout,
  layoutOf,
  readLayout,
  withPrefix,
} from '../setup/oracle/state-layout.ts'
import { openTestRedis } from '../setup/redis/connection.ts'
import { type CallOutcome, withConnectionCuts } from './connection-cuts.ts'

/** One interface for both merges: takes batches, returns what Redis holds then (or would hold). */
interface Merge {
  readonly name: string
  readonly numRuns: number
  mergeBatches(batches: readonly Event[][]): Promise<Layout>
}

const connection = openTestRedis(inject('redisUrl'))
afterAll(() => connection.close())

const TINY: StoreLimits = {
  ...STORE_LIMITS,
  ...{ maxPatches: 2, maxPatchEntries: 2, maxEntries: 3, maxBytes: 60 },
  ...{ maxFields: 1, maxUsers: 1, maxCalls: 2 },
}

const typescript: Merge = {
  name: 'in TypeScript',
  numRuns: 500,
  async mergeBatches(batches) {
    const states = new Map<string, GroupState>()
    for (const batch of batches) mergePatches(states, fold(batch))
    return layoutOf(states.values())
  },
}

const callOutcomes = fc.array(
  fc.constantFrom<CallOutcome>('success', 'success', 'cut before', 'cut after'),
  {
    maxLength: 40,
  },
)

const merges: Merge[] = [
  typescript,
  inRedis('in Redis', STORE_LIMITS),
  inRedis('in Redis, in the smallest chunks', TINY),
]

describe.each(merges)('the merge $name', ({ mergeBatches, numRuns }) => {
  const holds = (property: fc.IAsyncProperty<unknown>) => fc.assert(property, { numRuns })

  test('gives the same state for any order of the events', () =>
    holds(
      fc.asyncProperty(withArrangement(shuffled), async ([all, order]) => {
        expect(await mergeBatches([order])).toEqual(layoutOf(statesByDefinition(all)))
      }),
    ))

  test('gives the same state for any split of the events into batches', () =>
    holds(
      fc.asyncProperty(withArrangement(cut), async ([all, batches]) => {
        expect(await mergeBatches(batches)).toEqual(layoutOf(statesByDefinition(all)))
      }),
    ))

  test('gives the same state when a batch is redelivered', () =>
    holds(
      fc.asyncProperty(events, fc.nat({ max: 2 }), async (all, times) => {
        const batches = Array.from({ length: times + 1 }, () => all)
        expect(await mergeBatches(batches)).toEqual(layoutOf(statesByDefinition(all)))
      }),
    ))

  test('gives the same state for any order, grouping and repetition at once', () =>
    holds(
      fc.asyncProperty(withArrangement(delivered), async ([all, batches]) => {
        expect(await mergeBatches(batches)).toEqual(layoutOf(statesByDefinition(all)))
      }),
    ))
})

test('patches merged with each other, in any order, give the state of their events', () =>
  fc.assert(
    fc.property(withArrangement(delivered), fc.nat(), ([all, batches], seed) => {
      const patches = batches.map((batch) => fold(batch))
      while (patches.length > 1) {
        const [from] = patches.splice(seed % patches.length, 1)
        const into = patches[(seed * 7) % patches.length]
        if (from && into) mergePatches(into, from)
      }
      expect(layoutOf(patches[0]?.values() ?? [])).toEqual(layoutOf(statesByDefinition(all)))
    }),
    { numRuns: 500 },
  ))

test('two workers that merge at the same time give the same state', () =>
  fc.assert(
    fc.asyncProperty(withArrangement(delivered), async ([all, batches]) => {
      const one = scopedConnection()
      const [store, other] = [openGroupStore(one), openGroupStore(one, TINY)]
      await Promise.all(
        batches.map((batch, i) => (i % 2 ? store : other).merge([...fold(batch).values()])),
      )
      expect(await readLayout(one)).toEqual(layoutOf(statesByDefinition(all)))
      await deleteLayout(one)
    }),
    { numRuns: 200 },
  ))

test('crashes in the middle of batches that are redelivered change nothing', () =>
  fc.assert(
    fc.asyncProperty(withArrangement(delivered), callOutcomes, async ([all, batches], cuts) => {
      const one = scopedConnection()
      const store = openGroupStore(withConnectionCuts(one, cuts), TINY)
      for (const batch of batches) {
        const isDone = await tryToMerge(store, batch)
        if (!isDone) batches.push(batch)
      }
      expect(await readLayout(one)).toEqual(layoutOf(statesByDefinition(all)))
      await deleteLayout(one)
    }),
    { numRuns: 300 },
  ))

test('without the user index the groups are the same, and users have no keys', () =>
  fc.assert(
    fc.asyncProperty(withArrangement(delivered), async ([all, batches]) => {
      const one = scopedConnection()
      const store = openGroupStore({ ...one, settings: { ...one.settings, userIndex: false } })
      for (const batch of batches) await store.merge([...fold(batch).values()])
      expect(await readLayout(one)).toEqual(layoutOf(statesByDefinition(all), false))
      await deleteLayout(one)
    }),
    { numRuns: 150 },
  ))

function inRedis(name: string, limits: StoreLimits): Merge {
  return {
    name,
    numRuns: 300,
    async mergeBatches(batches) {
      const one = scopedConnection()
      const store = openGroupStore(one, limits)
      for (const batch of batches) {
        expect(await store.merge([...fold(batch).values()])).toEqual([])
      }
      const layout = await readLayout(one)
      await deleteLayout(one)
      return layout
    },
  }
}

async function tryToMerge(store: GroupStore, batch: readonly Event[]): Promise<boolean> {
  try {
    await store.merge([...fold(batch).values()])
    return true
  } catch (error) {
    if (error instanceof Unavailable) return false
    throw error
  }
}

function scopedConnection() {
  return withPrefix(connection, `property:${randomUUID()}:`)
}

function mergePatches(into: Map<string, GroupState>, from: Map<string, GroupState>): void {
  for (const [groupId, patch] of from) {
    const state = into.get(groupId)
    if (state === undefined) into.set(groupId, patch)
    else mergeState(state, patch)
  }
}

function withArrangement<A>(
  arrange: (all: Event[]) => fc.Arbitrary<A>,
): fc.Arbitrary<[Event[], A]> {
  return events.chain((all) => fc.tuple(fc.constant(all), arrange(all)))
}
