/**
 * Decides whether the store lost acknowledged writes. Three offsets are compared: what this worker
 * applied itself, what a worker committed to Kafka, and the checkpoint in the store.
 */
import type { Checkpoint, PartitionOffsets } from './ports.ts'

/** What this worker knows about a partition that it is assigned. */
export interface PartitionProgress {
  /** Everything before this offset was applied, or is not for this worker to apply. */
  readonly applied: bigint
  /** As this worker last read or wrote it; undefined if the store had none. */
  readonly checkpoint: Checkpoint | undefined
  /**
   * True from a rewind until the first batch from the new position: batches that were fetched
   * before the seek may still arrive, and are dropped.
   */
  readonly isRewound: boolean
}

/** By partition; undefined: not checked yet. */
export type ProgressByPartition = Map<number, PartitionProgress | undefined>

/** A partition of which the store lost what it had acknowledged. */
export interface Loss {
  readonly partition: number
  /** Up to which offset the store still has it; undefined: the store has no checkpoint of it. */
  readonly checkpoint: bigint | undefined
  /** Up to which offset it had been applied. */
  readonly applied: bigint
  /** Where the replay starts: at the checkpoint, or at the earliest record of the topic. */
  readonly from: bigint
}

/** A partition whose checkpoint is behind what this worker, or Kafka, counts as applied. */
export interface StaleCheckpoint {
  /** What is lost, if it is a loss: see `lossesAmong`. */
  readonly possibleLoss: Loss
  readonly checkpoint: Checkpoint | undefined
  readonly offsets: PartitionOffsets | undefined
}

/**
 * Returns the offset before which a worker applied everything, according to the commit in Kafka.
 * Returns undefined if there is no such evidence: no worker made the commit (a first start, or an
 * offset that was set by hand), or it lies beyond the end of the topic (the topic was recreated, or
 * lost its tail). The checkpoint is then set to where the group continues. No loss is reported.
 */
export function appliedPerCommit(offsets: PartitionOffsets | undefined): bigint | undefined {
  if (offsets?.committed === undefined) return undefined
  return offsets.committed > offsets.end ? undefined : offsets.committed
}

/**
 * Returns those that are losses: Kafka's commit, too, is beyond the offset that is replayed from.
 * The others are replayed, but are no loss: the records were not committed yet, or another worker
 * owns the partition by now and an operator set its offset back.
 */
export function lossesAmong(stale: readonly StaleCheckpoint[]): Loss[] {
  const isLoss = ({ possibleLoss, offsets }: StaleCheckpoint) =>
    (appliedPerCommit(offsets) ?? 0n) > possibleLoss.from
  return stale.filter(isLoss).map(({ possibleLoss }) => possibleLoss)
}

/** Whether the store lacks a checkpoint, or has one before `applied`. */
export function isBehind(checkpoint: Checkpoint | undefined, applied: bigint): boolean {
  return checkpoint?.next === undefined || checkpoint.next < applied
}

export function greater(a: bigint, b: bigint | undefined): bigint {
  return b !== undefined && b > a ? b : a
}
