/**
 * What the pipeline needs of the world. The adapters implement it; simulation does, too.
 */

import type { DeadLetter } from '../domain/dead-letter.ts'
import type { GroupState } from '../domain/merge/merge.ts'
import type { KafkaRecord } from '../domain/record.ts'

/** Where the state of groups is kept. */
export interface GroupStore {
  /** Counts the connections: where it changed, what was acknowledged before may be lost. */
  readonly connection: number
  /**
   * Merges each patch into the group's state, in any order.
   * Resolves once all of it is in the store, with the groups that could not be written.
   *
   * @throws Unavailable: unknown how much of it was written; merging again is safe
   */
  merge(patches: readonly GroupState[]): Promise<readonly StateConflict[]>
}

/** A group that cannot be written, whatever the weather: a foreign key stands at its name. */
export interface StateConflict {
  readonly groupId: string
  readonly message: string
}

/**
 * The store's own record of how far each partition is applied in it. As it persists and
 * replicates in order, a checkpoint that is there vouches for all that was written before it.
 */
export interface Checkpoints {
  /** @throws Unavailable; NotRetriable where something else stands in its place */
  read(): Promise<ReadonlyMap<number, Checkpoint>>
  /**
   * Sets the checkpoint of the partition where it still is as seen, and returns what it is now;
   * undefined where it is another: then nothing was written.
   *
   * @throws like `read`; Unavailable too where the workers are paused
   */
  compareAndSet(
    partition: number,
    seen: Checkpoint | undefined,
    next: bigint,
  ): Promise<Checkpoint | undefined>
}

export interface Checkpoint {
  /** The next offset to be applied; undefined where a part of the store has no checkpoint. */
  readonly next: bigint | undefined
  /** One for each part of the store that can lose writes by itself: its name, and its checkpoint. */
  readonly parts: ReadonlyMap<string, bigint>
}

/** Where partitions are read from. */
export interface PartitionSource {
  /** @throws Unavailable, NotRetriable */
  offsets(): Promise<readonly PartitionOffsets[]>
  /** Reads on from there, whatever is in hand; nothing where the partition is not ours. */
  seek(partition: number, offset: bigint): void
}

export interface PartitionOffsets {
  readonly partition: number
  /** The earliest offset that is still there. */
  readonly start: bigint
  /** StaleCheckpoint the last record that can be read: open transactions are not. */
  readonly end: bigint
  /** Where the group goes on: at its commit, or at the start where the topic has no such offset. */
  readonly next: bigint
  /** The commit, where a worker made it; not one that was set by hand. */
  readonly committed: bigint | undefined
}

/** Where rejected records go. */
export interface DeadLetterTopic {
  /**
   * Resolves once every one is acknowledged by the topic.
   *
   * @throws Unavailable: unknown how many were taken; writing again may repeat some
   */
  write(deadLetters: readonly DeadLetter[]): Promise<void>
}

/**
 * The part of a structured logger (pino's) that adapters use. Never trait values or secrets.
 */
export interface Log {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
  fatal(facts: object, message: string): void
}

/** What one fetch brought of one partition. */
export interface RecordBatch {
  readonly topic: string
  readonly partition: number
  /** Where reading went on: all before it was in earlier batches. */
  readonly fetchOffset: bigint
  /** In order of offsets; aborted and control records are left out, so there may be none. */
  readonly records: readonly KafkaRecord[]
  /** Where the partition goes on behind this batch, control records included. */
  readonly nextOffset: bigint
  /** The offset behind the partition's last record. */
  readonly highWatermark: bigint
}

/** The consumer's hold on the partition of a batch. */
export interface BatchContext {
  /**
   * To be called once the batch is decoded, before anything of it is written: what comes behind
   * it may be read and decoded from then on. Resolves once all before it is durable and its
   * commit handed over; nobody need heartbeat meanwhile.
   *
   * @throws Abandoned where a batch before it was given up: then this one comes again as well;
   *   and like `assertOwned`
   */
  turn(): Promise<void>
  /**
   * To be called right before anything is written, also where an attempt is repeated: by then the
   * partitions may have been assigned anew.
   *
   * @throws Abandoned where they were; like `heartbeat` where an earlier commit failed
   */
  assertOwned(): void
  /**
   * Keeps the membership alive: to be called at least every sixth of the session timeout.
   * Cheap where the last one was a moment ago.
   *
   * @throws what the Kafka client throws on a rebalance, to be passed on as it is
   */
  heartbeat(): Promise<void>
  /**
   * Has the offset committed; all before it must be durable. It may still be on its way once
   * this resolves: what goes on does not depend on it, and without it records come again.
   *
   * @throws like `heartbeat`, also where an earlier commit failed
   */
  commit(nextOffset: bigint): Promise<void>
  /** Aborted once the worker is to stop: then the batch is finished at once or abandoned. */
  readonly signal: AbortSignal
}
