/** How far the partitions of a worker are applied: what it knows, and what it is held against. */
import type { Mark, PartitionOffsets } from './ports.ts'

/** What this worker knows of a partition of its own. */
export interface Standing {
  /** All before it was applied, or is not ours to apply. */
  readonly applied: bigint
  readonly seen: Mark | undefined
  /** Set until the first batch after a loss: others may still be on their way. */
  readonly isSetBack: boolean
}

/** By partition; undefined: not looked at yet. */
export type Standings = Map<number, Standing | undefined>

/** Up to where the store must have everything; undefined where the mark is to follow. */
export function vouchedFor(offsets: PartitionOffsets | undefined): bigint | undefined {
  if (offsets?.committed === undefined) return undefined
  // beyond its end: the topic was made anew, or lost its own tail
  return offsets.committed > offsets.end ? undefined : offsets.committed
}

export function isBehind(mark: Mark | undefined, applied: bigint): boolean {
  return mark?.next === undefined || mark.next < applied
}

export function greater(a: bigint, b: bigint | undefined): bigint {
  return b !== undefined && b > a ? b : a
}
