/**
 * The group store, with a checkpoint for each partition beside the groups: up to where its events
 * are applied. A store that lost acknowledged writes (a flush, an older snapshot, a failover
 * to a replica that lagged) lost its latest checkpoints with them: so a checkpoint behind what is known to
 * be applied tells of the loss, and reading goes back to it.
 *
 * A checkpoint only ever grows, but where reading is set back: so the late write of a former owner
 * of the partition, which was applied as well, is no loss. It follows, without a replay, where
 * the offset is not one that a worker committed: at a first start, and after one set by hand.
 */
import type { GroupState } from '../domain/merge/merge.ts'
import { readCheckpoints } from './checkpoint-reading.ts'
import { Abandoned, Rewound, StateLost, Unavailable } from './errors.ts'
import {
  greater,
  isBehind,
  type Loss,
  lossesIn,
  type PartitionProgress,
  type ProgressByPartition,
  requiredOffset,
  type StaleCheckpoint,
} from './partition-progress.ts'
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
  /** What a loss does: the lost is read again, or the worker ends. */
  readonly onLostState: 'replay' | 'stop'
  /** Told of the lost partitions once, as they are about to be read again. */
  readonly onLoss: (losses: readonly Loss[]) => void
}

export class CheckpointedStore {
  /** Settles where the worker cannot go on: the state is lost, or a checkpoint is not a checkpoint. */
  readonly failed: Promise<Error>
  private readonly fail: (error: Error) => void
  private readonly options: CheckpointedStoreOptions
  /** Of the current assignment. */
  private progress: ProgressByPartition = new Map()
  /**
   * Where reading was sent, until it is seen to go on there: a seek may come into force only under
   * a later assignment, for which it was not meant.
   */
  private readonly sought = new Map<number, bigint>()
  private looking: Promise<void> | undefined
  /** How often reading was set back. */
  private rewinds = 0
  /** Set once the worker cannot go on. */
  private failure: Abandoned | undefined

  constructor(options: CheckpointedStoreOptions) {
    this.options = options
    ;({ promise: this.failed, resolve: this.fail } = Promise.withResolvers<Error>())
  }

  /** The partitions are ours from now on, and no others. */
  assign(partitions: readonly number[]): void {
    this.progress = new Map(partitions.map((partition) => [partition, undefined]))
  }

  /** What is known of the partition does not hold any more: it is looked at anew. */
  forget(partition: number): void {
    if (this.progress.has(partition)) this.progress.set(partition, undefined)
  }

  /**
   * Merges the patches, which are all of the batch up to `next`, and checkpoints it as applied.
   *
   * @throws Unavailable: unknown how much of it was written; merging again is safe. Abandoned
   *   where the batch is not to be applied: another will come
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
      const { applied, seen } = await this.progressOf(batch, progress)
      const { rewinds } = this
      const { connection } = store
      const conflicts = await store.merge(patches)
      if (store.connection !== connection) {
        // a failover in between: part of it may be in the old server only
        throw new Unavailable('redis', 'the connection was lost in the middle of a batch')
      }
      // somebody looked in between: part of it may be lost with what was before; or the
      // partitions were assigned anew, and nobody waits for it
      if (this.rewinds !== rewinds || this.progress !== progress) continue
      const checkpoint = await this.guarded(() =>
        checkpoints.compareAndSet(partition, seen, greater(next, seen?.next)),
      )
      if (checkpoint !== undefined) {
        const reached = { applied: greater(next, applied), seen: checkpoint, isRewound: false }
        // not where it was forgotten meanwhile
        if (progress.get(partition) !== undefined) progress.set(partition, reached)
        return conflicts
      }
      await this.checkAgain()
    }
  }

  /**
   * Compares all checkpoints with what is known to be applied, and sets reading back where they are
   * behind. One at a time: who asks meanwhile gets the one that is under way.
   *
   * @throws Unavailable; Abandoned where the worker cannot go on
   */
  async look(): Promise<void> {
    if (this.failure !== undefined) throw this.failure
    this.looking ??= this.checkOnce().finally(() => {
      this.looking = undefined
    })
    await this.looking
  }

  /**
   * @throws Abandoned where the partitions were assigned anew: nobody waits for the batch; Rewound
   *   where reading went on too far, and is set back
   */
  private async progressOf(
    batch: RecordBatch,
    progress: ProgressByPartition,
  ): Promise<PartitionProgress> {
    const { partition, fetchOffset } = batch
    if (this.sought.get(partition) === fetchOffset) this.sought.delete(partition)
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
    if (progress !== this.progress) throw new Abandoned('the partitions were assigned anew')
    if (partitionProgress === undefined) {
      throw new Unavailable('kafka', `no broker knows partition ${partition} yet`)
    }
    if (fetchOffset <= partitionProgress.applied) return partitionProgress
    this.seek(partition, partitionProgress.applied)
    throw new Rewound(`partition ${partition} is read again from ${partitionProgress.applied}`)
  }

  /** Not one that is under way: that may have asked already. */
  private async checkAgain(): Promise<void> {
    await this.looking?.catch(() => {})
    await this.look()
  }

  private async checkOnce(): Promise<void> {
    const { progress } = this
    const known = new Map(progress) // as of before the checkpoints are read: those only grow
    const { checkpoints, source } = this.options
    const read = () => this.guarded(() => checkpoints.read())
    const { before, offsets, found } = await readCheckpoints(known, read, source)
    if (progress !== this.progress) return

    const behind: StaleCheckpoint[] = []
    for (const [partition, partitionProgress] of known) {
      const checkpoint = found.get(partition)
      const at = offsets.get(partition)
      const applied = partitionProgress?.applied ?? requiredOffset(at)
      if (applied === undefined) {
        // not over what another worker does meanwhile, who may be the owner by now
        const seen = before.get(partition)
        if (at !== undefined) await this.place(progress, partition, seen, at.next, false)
      } else if (isBehind(checkpoint, applied)) {
        const from = greater(checkpoint?.next ?? 0n, at?.start)
        behind.push({
          loss: { partition, checkpoint: checkpoint?.next, applied, from },
          seen: checkpoint,
          at,
        })
      } else if (progress.get(partition) === partitionProgress) {
        const reached = partitionProgress ?? { applied: at?.next ?? applied, isRewound: false }
        progress.set(partition, { ...reached, seen: checkpoint })
      }
      const now = progress.get(partition)
      const isNews = partitionProgress === undefined && now !== undefined
      if (isNews && this.sought.has(partition)) this.seek(partition, now.applied)
    }
    if (behind.length > 0) await this.rewind(progress, behind)
  }

  private async rewind(
    progress: ProgressByPartition,
    behind: readonly StaleCheckpoint[],
  ): Promise<void> {
    const { onLostState, onLoss } = this.options
    const losses = lossesIn(behind)
    if (losses.length > 0 && onLostState === 'stop') {
      onLoss(losses)
      throw this.abandon(new StateLost(losses))
    }
    this.rewinds++
    const placed: Loss[] = []
    try {
      for (const { loss, seen } of behind) {
        const { partition, from } = loss
        // where it is none, the checkpoint may be another worker's, and is left alone
        if (losses.includes(loss) || seen?.next === undefined) {
          await this.place(progress, partition, seen, from, true)
        } else {
          progress.set(partition, { applied: from, seen, isRewound: true })
        }
        if (losses.includes(loss)) placed.push(loss)
        this.seek(partition, from)
      }
    } finally {
      // those that are left are found, and told of, again
      if (placed.length > 0) onLoss(placed)
    }
  }

  private seek(partition: number, offset: bigint): void {
    this.sought.set(partition, offset)
    this.options.source.seek(partition, offset)
  }

  /** Sets the checkpoint to where reading goes on. */
  private async place(
    progress: ProgressByPartition,
    partition: number,
    seen: Checkpoint | undefined,
    next: bigint,
    isRewound: boolean,
  ): Promise<void> {
    const { checkpoints } = this.options
    const checkpoint = await this.guarded(() => checkpoints.compareAndSet(partition, seen, next))
    if (checkpoint === undefined)
      throw new Unavailable('redis', 'another worker moved the checkpoint')
    progress.set(partition, { applied: next, seen: checkpoint, isRewound })
  }

  private async guarded<Result>(ask: () => Promise<Result>): Promise<Result> {
    try {
      return await ask()
    } catch (error) {
      if (error instanceof Unavailable || !(error instanceof Error)) throw error
      throw this.abandon(error)
    }
  }

  private abandon(error: Error): Abandoned {
    this.fail(error)
    this.failure = new Abandoned(error.message)
    return this.failure
  }
}
