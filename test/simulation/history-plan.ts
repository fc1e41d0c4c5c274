/**
 * Plans one history (one simulated run) from its seed: the number of workers, partitions and
 * servers, when records are published, and when which faults happen.
 */
import type { Chance } from '../setup/chance.ts'
import { chanceOf } from './chance.ts'
import { GROUP_IDS } from './records.ts'

export const FAULTS = [
  'a worker is killed',
  'a worker is frozen',
  'a worker is stopped',
  'another worker joins',
  'Kafka is unreachable',
  'a worker cannot reach Kafka',
  'Redis is down',
  'Redis rejects commands',
  'a connection to Redis is cut',
  'Redis loses its last writes',
  'Redis is flushed',
  'Redis fails over',
  'an offset is set by hand',
  'an offset is set by a member',
  'retention deletes records',
  'the topic is recreated',
  'a key of a wrong type is deleted',
] as const

export type FaultKind = (typeof FAULTS)[number]

export interface Plan {
  readonly seed: number
  readonly partitions: number
  readonly workers: number
  readonly masters: number
  /** The index of the master that answers more slowly than the others, if any. */
  readonly slowMaster: number | undefined
  /** Batches that a worker processes at once. */
  readonly concurrency: number
  /** Whether all records of a group go to the same partition. */
  readonly isKeyed: boolean
  /** Groups whose key has a wrong type in Redis from the start. */
  readonly conflicting: readonly string[]
  /** The times at which records are published, in milliseconds since the start. */
  readonly publications: readonly number[]
  readonly faults: readonly { readonly atMs: number; readonly kind: FaultKind }[]
  // shares of all requests, fetches or writes that go wrong until the faults end
  /** Of requests and replies that arrive seconds late. */
  readonly lateShare: number
  /** Of requests and replies that never arrive. */
  readonly lostShare: number
  /** Of fetches that find that the leader has moved. */
  readonly movedShare: number
  /** Of writes of dead letters that the broker rejects. */
  readonly rejectedShare: number
  readonly faultsEndMs: number
}

/** Each history has only some kinds of faults, as one kind may hide the effects of another. */
export function planHistory(seed: number): Plan {
  const chance = chanceOf(seed)
  const faultsEndMs = chance.between(5, 60) * 1000
  const share = (most: number) => (chance.happens(0.4) ? chance.random() * most : 0)
  const kinds = possible(FAULTS.filter(() => chance.happens(0.2)))
  const faultCount = kinds.length === 0 ? 0 : chance.between(1, 6)
  const publications = moments(chance, chance.between(5, 40), faultsEndMs)
  return {
    seed,
    partitions: chance.between(1, 3),
    workers: chance.between(1, 3),
    masters: chance.happens(0.5) ? 2 : 1,
    slowMaster: chance.happens(0.3) ? chance.below(2) : undefined,
    concurrency: chance.between(1, 3),
    isKeyed: chance.happens(0.5),
    conflicting: chance.happens(0.2) ? [chance.pick(GROUP_IDS)] : [],
    publications,
    faults: moments(chance, faultCount, faultsEndMs).map((atMs) => ({
      // often at a moment when a batch is likely to be in flight
      atMs: chance.happens(0.4) ? chance.pick(publications) + chance.within(0, 30) : atMs,
      kind: chance.pick(kinds),
    })),
    lateShare: share(0.1),
    lostShare: share(0.05),
    movedShare: share(0.1),
    rejectedShare: share(0.6),
    faultsEndMs,
  }
}

/**
 * Leaves out losses of Redis that restore an older state if the topic is recreated. Redis would
 * then hold checkpoints of the former topic, and no worker can distinguish them from those of the
 * new one: we promise nothing for that case. A flush is covered.
 */
function possible(kinds: readonly FaultKind[]): FaultKind[] {
  if (!kinds.includes('the topic is recreated')) return [...kinds]
  return kinds.filter(
    (kind) => kind !== 'Redis loses its last writes' && kind !== 'Redis fails over',
  )
}

/** Whether nothing in the plan can delay the heartbeats of a worker past its session timeout. */
export function keepsSessions({ lateShare, lostShare, faults }: Plan): boolean {
  return lateShare === 0 && lostShare === 0 && !faults.some(({ kind }) => SILENCING.has(kind))
}

const SILENCING: ReadonlySet<FaultKind> = new Set([
  'a worker is killed',
  'a worker is frozen',
  'Kafka is unreachable',
  'a worker cannot reach Kafka',
  'an offset is set by a member',
])

/** Draws times in bursts: many bugs show only if two things happen close together. */
function moments(chance: Chance, count: number, endMs: number): number[] {
  let atMs = chance.within(0, endMs)
  return Array.from({ length: count }, () => {
    atMs = chance.happens(0.6) ? atMs + chance.within(0, 300) : chance.within(0, endMs)
    return Math.min(atMs, endMs)
  })
}
