/** What happens in one history, drawn from its seed: the size of things, and the faults. */
import { Chance } from './chance.ts'
import { GROUP_IDS } from './records.ts'

export const FAULTS = [
  'a worker is killed',
  'a worker is frozen',
  'a worker is stopped',
  'another worker comes',
  'Kafka is away',
  'a worker loses Kafka',
  'Redis is away',
  'Redis refuses writes',
  'a connection to Redis is cut',
  'Redis loses its last writes',
  'Redis is flushed',
  'Redis fails over',
  'an offset is set by hand',
  'an offset is set as a member',
  'retention',
  'the topic is made anew',
  'a foreign key goes',
] as const

export type FaultKind = (typeof FAULTS)[number]

export interface Plan {
  readonly seed: number
  readonly partitions: number
  readonly workers: number
  readonly masters: number
  /** The one of them that takes longer, if any does. */
  readonly slowMaster: number | undefined
  /** Batches that a worker has in hand at once. */
  readonly concurrency: number
  readonly isKeyed: boolean
  /** Groups at whose name something foreign stands from the start. */
  readonly conflicting: readonly string[]
  readonly publications: readonly number[]
  readonly faults: readonly { readonly atMs: number; readonly kind: FaultKind }[]
  /** Shares of all requests, fetches or writes that go wrong, until the faults end. */
  readonly lateShare: number
  readonly lostShare: number
  readonly movedShare: number
  readonly refusedShare: number
  readonly faultsEndMs: number
}

/** Each history has some kinds of faults only, so that those that hide others are not in all. */
export function planHistory(seed: number): Plan {
  const chance = new Chance(seed)
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
      // while a batch is in hand, rather often
      atMs: chance.happens(0.4) ? chance.pick(publications) + chance.within(0, 30) : atMs,
      kind: chance.pick(kinds),
    })),
    lateShare: share(0.1),
    lostShare: share(0.05),
    movedShare: share(0.1),
    refusedShare: share(0.6),
    faultsEndMs,
  }
}

/**
 * A Redis that goes back to before the topic was made anew has the checkpoints of the former one, which
 * nobody can tell from those of the new: that is beyond the promise. A flush is not.
 */
function possible(kinds: readonly FaultKind[]): FaultKind[] {
  if (!kinds.includes('the topic is made anew')) return [...kinds]
  return kinds.filter(
    (kind) => kind !== 'Redis loses its last writes' && kind !== 'Redis fails over',
  )
}

/** Whether nothing keeps a worker from telling Kafka that it is there. */
export function keepsSessions({ lateShare, lostShare, faults }: Plan): boolean {
  return lateShare === 0 && lostShare === 0 && !faults.some(({ kind }) => SILENCING.has(kind))
}

const SILENCING: ReadonlySet<FaultKind> = new Set([
  'a worker is killed',
  'a worker is frozen',
  'Kafka is away',
  'a worker loses Kafka',
  'an offset is set as a member',
])

/** In bursts, as much of what goes wrong needs two things close together. */
function moments(chance: Chance, count: number, endMs: number): number[] {
  let atMs = chance.within(0, endMs)
  return Array.from({ length: count }, () => {
    atMs = chance.happens(0.6) ? atMs + chance.within(0, 300) : chance.within(0, endMs)
    return Math.min(atMs, endMs)
  })
}
