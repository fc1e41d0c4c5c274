/** How far the partitions of a worker are applied: what it knows, and what it is held against. */
import type { Checkpoint, PartitionOffsets } from './ports.ts'

/** What this worker knows of a partition of its own. */
export interface PartitionProgress {
  /** All before it was applied, or is not ours to apply. */
  readonly applied: bigint
  readonly seen: Checkpoint | undefined
  /** Set until the first batch after a loss: others may still be on their way. */
  readonly isRewound: boolean
}

/** By partition; undefined: not looked at yet. */
export type ProgressByPartition = Map<number, PartitionProgress | undefined>

export interface Loss {
  readonly partition: number
  /** Where the store stands; undefined: it has no checkpoint of the partition. */
  readonly checkpoint: bigint | undefined
  /** Where it stood: all before it had been applied. */
  readonly applied: bigint
  /** Where it is read again from: the checkpoint, or the earliest record that the topic still has. */
  readonly from: bigint
}

/** A partition whose checkpoint is not where it should be. */
export interface StaleCheckpoint {
  readonly loss: Loss
  readonly seen: Checkpoint | undefined
  readonly at: PartitionOffsets | undefined
}

/** Up to where the store must have everything; undefined where the checkpoint is to follow. */
export function requiredOffset(offsets: PartitionOffsets | undefined): bigint | undefined {
  if (offsets?.committed === undefined) return undefined
  // beyond its end: the topic was made anew, or lost its own tail
  return offsets.committed > offsets.end ? undefined : offsets.committed
}

/**
 * What Kafka does not count as applied is read again, but is no loss: it was not committed yet,
 * or another worker owns the partition by now, and an offset was set back by hand.
 */
export function lossesIn(behind: readonly StaleCheckpoint[]): Loss[] {
  const losses = behind.filter(({ loss, at }) => (requiredOffset(at) ?? 0n) > loss.from)
  return losses.map(({ loss }) => loss)
}

export function isBehind(checkpoint: Checkpoint | undefined, applied: bigint): boolean {
  return checkpoint?.next === undefined || checkpoint.next < applied
}

export function greater(a: bigint, b: bigint | undefined): bigint {
  return b !== undefined && b > a ? b : a
}
