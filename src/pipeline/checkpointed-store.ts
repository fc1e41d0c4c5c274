/**
 * The group store, with a checkpoint for each partition stored beside the groups: the offset before
 * which all events of the partition are applied. A store that lost acknowledged writes (a flush, an
 * older snapshot, a failover to a replica that lagged) lost its latest checkpoints with them. So a
 * checkpoint that is behind what is known to be applied shows a loss (loss-detection.ts decides),
 * and the partition is rewound to the checkpoint.
 *
 * The states of one partition (the entry in `progress`) and their transitions:
 *
 *     not ours   (no entry)                  merge() throws Abandoned
 *       -> unchecked   assign() with it
 *     unchecked  (undefined)                 merge() checks first
 *       -> unchecked   check(): no broker knows the partition
 *       -> current     check(): the checkpoint covers what is known to be applied;
 *                      or no worker committed: the checkpoint follows the group's offset
 *       -> rewound     check(): the checkpoint is behind
 *     current    (applied, checkpoint)       merge() applies batches and moves the checkpoint
 *       -> unchecked   forget(), or a batch starts beyond `applied`
 *       -> rewound     check(): the checkpoint is behind
 *     rewound    (isRewound)                 merge() drops what was fetched before the seek, and
 *                                            seeks again
 *       -> current     merge() of a batch from the new position
 *       -> rewound     check(): the checkpoint is behind again
 *       -> unchecked   forget()
 *     any state
 *       -> unchecked, or not ours            assign()
 *
 * The whole store fails, for good, on a loss with `onLostState: stop`, and on any error of the
 * checkpoints but Unavailable (their key has the wrong type).
 *
 * merge() never lowers a checkpoint. So it is harmless if a former owner of the partition writes
 * one late: it applied those events. Two things lower a checkpoint:
 * - It follows the group's offset if that is no worker's commit: an operator set it, the topic was
 *   recreated, or the group is new. No loss is reported.
 * - On a Cluster, a rewind lowers it on the masters that lost nothing.
 */
import type { GroupState } from '../domain/merge/merge.ts'
import { readCheckpoints } from './checkpoint-reading.ts'
import { Abandoned, Rewound, StateLost, Unavailable } from './errors.ts'
import {
  appliedPerCommit,
  greater,
  isBehind,
  type Loss,
  lossesAmong,
  type PartitionProgress,
  type ProgressByPartition,
  type StaleCheckpoint,
} from './loss-detection.ts'
import type {
  Checkpoint,
  Checkpoints,
  GroupStore,
  PartitionSource,
  RecordBatch,
  StateConflict,
} from './ports.ts'

export interface CheckpointedStoreOptions {
  readonly store: GroupStore
  readonly checkpoints: Checkpoints
  readonly source: PartitionSource
  /** After a loss: replay the lost records, or end the worker. */
  readonly onLostState: 'replay' | 'stop'
  /**
   * Called with the losses that a check found: after their partitions were rewound, or before the
   * worker ends.
   */
  readonly onLoss: (losses: readonly Loss[]) => void
}

export class CheckpointedStore {
  /** Resolves if the worker cannot go on: state is lost, or the checkpoints cannot be used. */
  readonly failed: Promise<Error>
  private readonly fail: (error: Error) => void
  private readonly options: CheckpointedStoreOptions
  /** Of the current assignment; replaced by the next one. */
  private progress: ProgressByPartition = new Map()
  /**
   * Seeks that have not taken effect, by partition: the offset. If a rebalance comes first, kafkajs
   * applies the seek to the next assignment, where it may be wrong. So the check that finds out the
   * new progress of the partition seeks again.
   */
  private readonly pendingSeeks = new Map<number, bigint>()
  /** The check in progress. */
  private checking: Promise<void> | undefined
  /** How often partitions were rewound. */
  private rewinds = 0
  /** Set once the worker cannot go on; thrown by every later call. */
  private failure: Abandoned | undefined

  constructor(options: CheckpointedStoreOptions) {
    this.options = options
    ;({ promise: this.failed, resolve: this.fail } = Promise.withResolvers<Error>())
  }

  /** Replaces the assignment: these partitions are ours from now on, and no others. */
  assign(partitions: readonly number[]): void {
    this.progress = new Map(partitions.map((partition) => [partition, undefined]))
  }

  /** Forgets the progress of the partition, which is wrong: the next check finds it out again. */
  forget(partition: number): void {
    if (this.progress.has(partition)) this.progress.set(partition, undefined)
  }

  /**
   * Merges the patches, which hold everything in the batch before offset `next`, and moves the
   * checkpoint to `next`. Returns the groups that could not be written.
   *
   * @throws Unavailable: some patches may have been merged; merging them again is safe. Abandoned
   *   or Rewound if the batch must not be applied: its records are redelivered
   */
  async merge(
    batch: RecordBatch,
    next: bigint,
    patches: readonly GroupState[],
  ): Promise<readonly StateConflict[]> {
    const { store, checkpoints } = this.options
    const { partition } = batch
    const { progress } = this
    for (;;) {
      const { applied, checkpoint: expected } = await this.admit(batch, progress)
      const { rewinds } = this
      const { connection } = store
      const conflicts = await store.merge(patches)
      if (store.connection !== connection) {
        // a failover meanwhile: the new server may lack some of the patches
        throw new Unavailable('redis', 'the connection was lost in the middle of a batch')
      }
      // a check rewound partitions meanwhile: if Redis lost writes, these patches may be among them,
      // so merge again. Or the partitions were reassigned: then `admit` throws
      if (this.rewinds !== rewinds || this.progress !== progress) continue
      const checkpoint = await this.orFail(() =>
        checkpoints.compareAndSet(partition, expected, greater(next, expected?.next)),
      )
      if (checkpoint !== undefined) {
        const reached = { applied: greater(next, applied), checkpoint, isRewound: false }
        // if it was forgotten meanwhile, it stays unchecked
        if (progress.get(partition) !== undefined) progress.set(partition, reached)
        return conflicts
      }
      await this.checkAgain()
    }
  }

  /**
   * Compares all checkpoints with what is known to be applied, and rewinds the partitions whose
   * checkpoint is behind. Callers share the check that is in progress, if there is one.
   *
   * @throws Unavailable; Abandoned if the worker cannot go on
   */
  async check(): Promise<void> {
    if (this.failure !== undefined) throw this.failure
    this.checking ??= this.compareCheckpoints().finally(() => {
      this.checking = undefined
    })
    await this.checking
  }

  /**
   * Returns the progress of the batch's partition if the batch may be applied. Checks first if the
   * progress is unknown, or if the batch starts beyond it.
   *
   * @throws Abandoned if the partitions were reassigned; Rewound if records before the batch are
   *   not applied: it seeks to them
   */
  private async admit(
    batch: RecordBatch,
    progress: ProgressByPartition,
  ): Promise<PartitionProgress> {
    const { partition, fetchOffset } = batch
    if (this.pendingSeeks.get(partition) === fetchOffset) this.pendingSeeks.delete(partition)
    if (this.failure !== undefined) throw this.failure
    if (!progress.has(partition)) throw new Abandoned(`partition ${partition} is not ours`)
    let partitionProgress = progress.get(partition)
    if (
      partitionProgress === undefined ||
      (fetchOffset > partitionProgress.applied && !partitionProgress.isRewound)
    ) {
      this.forget(partition)
      await this.checkAgain()
      partitionProgress = progress.get(partition)
    }
    if (progress !== this.progress) throw new Abandoned('the partitions were reassigned')
    if (partitionProgress === undefined) {
      throw new Unavailable('kafka', `no broker knows partition ${partition} yet`)
    }
    if (fetchOffset <= partitionProgress.applied) return partitionProgress
    this.seek(partition, partitionProgress.applied)
    throw new Rewound(`partition ${partition} is replayed from ${partitionProgress.applied}`)
  }

  /** Starts a check of its own: the one in progress may have read the checkpoints already. */
  private async checkAgain(): Promise<void> {
    await this.checking?.catch(() => {}) // whoever started it gets its error
    await this.check()
  }

  private async compareCheckpoints(): Promise<void> {
    const { progress } = this
    // copied before the checkpoints are read: one that is read later must cover at least this
    const known = new Map(progress)
    const { checkpoints, source } = this.options
    const read = () => this.orFail(() => checkpoints.read())
    const { before, offsets, after } = await readCheckpoints(known, read, source)
    if (progress !== this.progress) return

    const stale: StaleCheckpoint[] = []
    for (const [partition, partitionProgress] of known) {
      const checkpoint = after.get(partition)
      const partitionOffsets = offsets.get(partition)
      const applied = partitionProgress?.applied ?? appliedPerCommit(partitionOffsets)
      if (applied === undefined) {
        // expect the checkpoint as read before Kafka's offsets: if another worker moved it since,
        // that worker may be the owner by now
        const expected = before.get(partition)
        if (partitionOffsets !== undefined) {
          await this.setCheckpoint(progress, partition, expected, partitionOffsets.next, false)
        }
      } else if (isBehind(checkpoint, applied)) {
        const from = greater(checkpoint?.next ?? 0n, partitionOffsets?.start)
        const possibleLoss = { partition, checkpoint: checkpoint?.next, applied, from }
        stale.push({ possibleLoss, checkpoint, offsets: partitionOffsets })
      } else if (progress.get(partition) === partitionProgress) {
        const reached = partitionProgress ?? {
          applied: partitionOffsets?.next ?? applied,
          isRewound: false,
        }
        progress.set(partition, { ...reached, checkpoint })
      }
      const updated = progress.get(partition)
      const isNewlyKnown = partitionProgress === undefined && updated !== undefined
      if (isNewlyKnown && this.pendingSeeks.has(partition)) this.seek(partition, updated.applied)
    }
    if (stale.length > 0) await this.rewind(progress, stale)
  }

  private async rewind(
    progress: ProgressByPartition,
    stale: readonly StaleCheckpoint[],
  ): Promise<void> {
    const { onLostState, onLoss } = this.options
    const losses = lossesAmong(stale)
    if (losses.length > 0 && onLostState === 'stop') {
      onLoss(losses)
      throw this.failWith(new StateLost(losses))
    }
    this.rewinds++
    const rewound: Loss[] = []
    try {
      for (const { possibleLoss, checkpoint } of stale) {
        const { partition, from } = possibleLoss
        const isLoss = losses.includes(possibleLoss)
        // without a loss, the checkpoint may be another worker's by now, and is left alone. A missing
        // one is set, otherwise every later check would rewind the partition again
        if (isLoss || checkpoint?.next === undefined) {
          await this.setCheckpoint(progress, partition, checkpoint, from, true)
        } else {
          progress.set(partition, { applied: from, checkpoint, isRewound: true })
        }
        if (isLoss) rewound.push(possibleLoss)
        this.seek(partition, from)
      }
    } finally {
      // after an error, the next check finds and reports the remaining losses
      if (rewound.length > 0) onLoss(rewound)
    }
  }

  private seek(partition: number, offset: bigint): void {
    this.pendingSeeks.set(partition, offset)
    this.options.source.seek(partition, offset)
  }

  /** Sets the checkpoint, and our progress, to the offset at which the partition continues. */
  private async setCheckpoint(
    progress: ProgressByPartition,
    partition: number,
    expected: Checkpoint | undefined,
    next: bigint,
    isRewound: boolean,
  ): Promise<void> {
    const { checkpoints } = this.options
    const checkpoint = await this.orFail(() => checkpoints.compareAndSet(partition, expected, next))
    if (checkpoint === undefined) {
      throw new Unavailable('redis', 'another worker moved the checkpoint')
    }
    progress.set(partition, { applied: next, checkpoint, isRewound })
  }

  /** Any error but an outage ends the worker: no batch can be applied without its checkpoint. */
  private async orFail<Result>(ask: () => Promise<Result>): Promise<Result> {
    try {
      return await ask()
    } catch (error) {
      if (error instanceof Unavailable || !(error instanceof Error)) throw error
      throw this.failWith(error)
    }
  }

  /** Returns the error for the batches in flight: they are abandoned. */
  private failWith(error: Error): Abandoned {
    this.fail(error)
    this.failure = new Abandoned(error.message)
    return this.failure
  }
}
