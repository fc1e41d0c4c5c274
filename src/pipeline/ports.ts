/**
 * What the pipeline needs of the world. The adapters implement it; simulation does, too.
 */

import type { DeadLetter } from '../domain/dead-letter.ts'
import type { GroupState } from '../domain/merge.ts'
import type { KafkaRecord } from '../domain/record.ts'

/** Where the state of groups is kept. */
export interface GroupStore {
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
  /** In order of offsets, at least one; aborted and control records are left out. */
  readonly records: readonly KafkaRecord[]
  /** Where the partition goes on behind this batch, control records included. */
  readonly nextOffset: bigint
  /** The offset behind the partition's last record. */
  readonly highWatermark: bigint
}

/** The consumer's hold on the partition of a batch. */
export interface BatchLease {
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
