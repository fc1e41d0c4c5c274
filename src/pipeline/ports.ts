/**
 * What the pipeline needs from the outside. The Kafka and Redis adapters implement these
 * interfaces; so does the simulation in test/simulation.
 */
import type { DeadLetter } from '../domain/dead-letter.ts'
import type { GroupState } from '../domain/merge/merge.ts'
import type { KafkaRecord } from '../domain/record.ts'

/** Keeps the state of the groups. */
export interface GroupStore {
  /**
   * Counts the connections. A new connection may lead to another server, which may lack what the
   * former one acknowledged.
   */
  readonly connection: number
  /**
   * Merges each patch into its group's state, in any order. Resolves once all of them are stored,
   * with the groups that could not be written.
   *
   * @throws Unavailable: some patches may have been merged; merging them again is safe
   */
  merge(patches: readonly GroupState[]): Promise<readonly StateConflict[]>
}

/**
 * A group that cannot be written, regardless of outages: a key of the group has the wrong type, or
 * a clock in it is malformed.
 */
export interface StateConflict {
  readonly groupId: string
  readonly message: string
}

/**
 * The checkpoints, which the store itself holds: up to which offset each partition is applied in
 * it. The store persists and replicates writes in order, so a checkpoint that exists proves that
 * all that was written before it exists, too.
 */
export interface Checkpoints {
  /**
   * Reads the checkpoint of every partition that has one.
   *
   * @throws Unavailable; NotRetriable if the key of the checkpoints has the wrong type
   */
  read(): Promise<ReadonlyMap<number, Checkpoint>>
  /**
   * Sets the partition's checkpoint to `next` if it still equals `expected`, and returns the new
   * one. Returns undefined if it has another value; then nothing was written.
   *
   * @throws like `read`; also Unavailable while the workers are paused
   */
  compareAndSet(
    partition: number,
    expected: Checkpoint | undefined,
    next: bigint,
  ): Promise<Checkpoint | undefined>
}

export interface Checkpoint {
  /** The next offset to be applied; undefined if a shard of the store has no checkpoint. */
  readonly next: bigint | undefined
  /**
   * The offset by name of shard. A shard is a part of the store that can lose writes by itself: in
   * a Cluster one for each master, otherwise one in all.
   */
  readonly shards: ReadonlyMap<string, bigint>
}

/** Where the partitions are read from. */
export interface PartitionSource {
  /**
   * Reads the offsets of every partition of the topic.
   *
   * @throws Unavailable, NotRetriable
   */
  offsets(): Promise<readonly PartitionOffsets[]>
  /**
   * Continues to read at that offset, whatever is in flight. Does nothing if the partition is not
   * assigned to this worker.
   */
  seek(partition: number, offset: bigint): void
}

export interface PartitionOffsets {
  readonly partition: number
  /** The earliest offset that the topic still has. */
  readonly start: bigint
  /** The offset after the last record that can be read; open transactions lie beyond it. */
  readonly end: bigint
  /** Where the group continues: at its commit, or at the start if the topic lacks that offset. */
  readonly next: bigint
  /** The commit, if a worker made it; undefined if it was set by hand, or if there is none. */
  readonly committed: bigint | undefined
}

/** Where rejected records go. */
export interface DeadLetterTopic {
  /**
   * Resolves once the topic has acknowledged every dead letter.
   *
   * @throws Unavailable: some may have been written; writing again may repeat them
   */
  write(deadLetters: readonly DeadLetter[]): Promise<void>
}

/** The part of pino's logger that adapters use. Never pass it trait values or secrets. */
export interface Log {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
  fatal(facts: object, message: string): void
}

/** The records of one partition that one fetch returned. */
export interface RecordBatch {
  readonly topic: string
  readonly partition: number
  /** The offset that was fetched: earlier batches had everything before it. */
  readonly fetchOffset: bigint
  /** In order of offsets. Without aborted and control records, so it may be empty. */
  readonly records: readonly KafkaRecord[]
  /** The offset after this batch, control records included. */
  readonly nextOffset: bigint
  /** The offset after the partition's last record. */
  readonly highWatermark: bigint
}

/**
 * What the pipeline may do with a batch of a partition, for as long as the partition is assigned
 * to this worker. After a rebalance every method throws Abandoned.
 */
export interface BatchContext {
  /**
   * To be called once the batch is decoded, before any of it is written. From then on the
   * partition's next batch may be fetched and decoded. Resolves once all batches before this one
   * are durable and their commits are handed over. The caller need not heartbeat while it waits.
   *
   * @throws Abandoned if a batch before it was abandoned: then this one is redelivered as well;
   *   and what `assertOwned` throws
   */
  waitForTurn(): Promise<void>
  /**
   * To be called right before every write, also when an attempt is repeated: a rebalance may have
   * happened meanwhile.
   *
   * @throws Abandoned after a rebalance; the error of an earlier commit if that failed
   */
  assertOwned(): void
  /**
   * Keeps this worker in the consumer group. To be called at least every sixth of the session
   * timeout; cheap if the last heartbeat is recent.
   *
   * @throws what `assertOwned` throws, and the Kafka client's own error on a rebalance: pass it on
   *   unchanged
   */
  heartbeat(): Promise<void>
  /**
   * Hands the offset over to be committed; everything before it must be durable. The commit request
   * may still be on its way when this resolves. Nothing depends on it: without the commit, records
   * are redelivered.
   *
   * @throws what `assertOwned` throws
   */
  commit(nextOffset: bigint): Promise<void>
  /** Aborted once the worker is to stop: then finish the batch at once, or abandon it. */
  readonly signal: AbortSignal
}
