/**
 * The group store, with a mark for each partition beside the groups: up to where its events
 * are applied. A store that lost acknowledged writes (a flush, an older snapshot, a failover
 * to a replica that lagged) lost its latest marks with them: so a mark behind what is known to
 * be applied tells of the loss, and reading goes back to it.
 *
 * A mark only ever grows, but where reading is set back: so the late write of a former owner
 * of the partition, which was applied as well, is no loss. It follows, without a replay, where
 * the offset is not one that a worker committed: at a first start, and after one set by hand.
 */
import type { GroupState } from '../domain/merge/merge.ts'
import { readMarks } from './checkpoint-reading.ts'
import { Abandoned, ReadAgain, StateLost, Unavailable } from './errors.ts'
import {
  type Behind,
  greater,
  isBehind,
  type Loss,
  lossesIn,
  type Standing,
  type Standings,
  vouchedFor,
} from './partition-progress.ts'
import type {
  AppliedMarks,
  GroupStore,
  Mark,
  PartitionSource,
  RecordBatch,
  StateConflict,
} from './ports.ts'

export interface MarkedStoreOptions {
  readonly store: GroupStore
  readonly marks: AppliedMarks
  readonly source: PartitionSource
  /** What a loss does: the lost is read again, or the worker ends. */
  readonly onLostState: 'replay' | 'stop'
  /** Told of the lost partitions once, as they are about to be read again. */
  readonly onLoss: (losses: readonly Loss[]) => void
}

export class MarkedStore {
  /** Settles where the worker cannot go on: the state is lost, or a mark is not a mark. */
  readonly failed: Promise<Error>
  private readonly fail: (error: Error) => void
  private readonly options: MarkedStoreOptions
  /** Of the current assignment. */
  private standings: Standings = new Map()
  /**
   * Where reading was sent, until it is seen to go on there: a seek may come into force only under
   * a later assignment, for which it was not meant.
   */
  private readonly sought = new Map<number, bigint>()
  private looking: Promise<void> | undefined
  /** How often reading was set back. */
  private setBacks = 0
  /** Set once the worker cannot go on. */
  private failure: Abandoned | undefined

  constructor(options: MarkedStoreOptions) {
    this.options = options
    ;({ promise: this.failed, resolve: this.fail } = Promise.withResolvers<Error>())
  }

  /** The partitions are ours from now on, and no others. */
  assign(partitions: readonly number[]): void {
    this.standings = new Map(partitions.map((partition) => [partition, undefined]))
  }

  /** What is known of the partition does not hold any more: it is looked at anew. */
  forget(partition: number): void {
    if (this.standings.has(partition)) this.standings.set(partition, undefined)
  }

  /**
   * Merges the patches, which are all of the batch up to `next`, and marks it as applied.
   *
   * @throws Unavailable: unknown how much of it was written; merging again is safe. Abandoned
   *   where the batch is not to be applied: another will come
   */
  async merge(
    batch: RecordBatch,
    next: bigint,
    patches: readonly GroupState[],
  ): Promise<readonly StateConflict[]> {
    const { store, marks } = this.options
    const { partition } = batch
    const { standings } = this
    for (;;) {
      const { applied, seen } = await this.standingOf(batch, standings)
      const { setBacks } = this
      const { connection } = store
      const conflicts = await store.merge(patches)
      if (store.connection !== connection) {
        // a failover in between: part of it may be in the old server only
        throw new Unavailable('redis', 'the connection was lost in the middle of a batch')
      }
      // somebody looked in between: part of it may be lost with what was before; or the
      // partitions were assigned anew, and nobody waits for it
      if (this.setBacks !== setBacks || this.standings !== standings) continue
      const mark = await this.guarded(() =>
        marks.compareAndSet(partition, seen, greater(next, seen?.next)),
      )
      if (mark !== undefined) {
        const reached = { applied: greater(next, applied), seen: mark, isSetBack: false }
        // not where it was forgotten meanwhile
        if (standings.get(partition) !== undefined) standings.set(partition, reached)
        return conflicts
      }
      await this.lookAnew()
    }
  }

  /**
   * Compares all marks with what is known to be applied, and sets reading back where they are
   * behind. One at a time: who asks meanwhile gets the one that is under way.
   *
   * @throws Unavailable; Abandoned where the worker cannot go on
   */
  async look(): Promise<void> {
    if (this.failure !== undefined) throw this.failure
    this.looking ??= this.lookOnce().finally(() => {
      this.looking = undefined
    })
    await this.looking
  }

  /**
   * @throws Abandoned where the partitions were assigned anew: nobody waits for the batch; ReadAgain
   *   where reading went on too far, and is set back
   */
  private async standingOf(batch: RecordBatch, standings: Standings): Promise<Standing> {
    const { partition, fetchOffset } = batch
    if (this.sought.get(partition) === fetchOffset) this.sought.delete(partition)
    if (this.failure !== undefined) throw this.failure
    if (!standings.has(partition)) throw new Abandoned(`partition ${partition} is not ours`)
    let standing = standings.get(partition)
    if (standing === undefined || (fetchOffset > standing.applied && !standing.isSetBack)) {
      this.forget(partition)
      await this.lookAnew()
      standing = standings.get(partition)
    }
    if (standings !== this.standings) throw new Abandoned('the partitions were assigned anew')
    if (standing === undefined) {
      throw new Unavailable('kafka', `no broker knows partition ${partition} yet`)
    }
    if (fetchOffset <= standing.applied) return standing
    this.seek(partition, standing.applied)
    throw new ReadAgain(`partition ${partition} is read again from ${standing.applied}`)
  }

  /** Not one that is under way: that may have asked already. */
  private async lookAnew(): Promise<void> {
    await this.looking?.catch(() => {})
    await this.look()
  }

  private async lookOnce(): Promise<void> {
    const { standings } = this
    const known = new Map(standings) // as of before the marks are read: those only grow
    const { marks, source } = this.options
    const read = () => this.guarded(() => marks.read())
    const { before, offsets, found } = await readMarks(known, read, source)
    if (standings !== this.standings) return

    const behind: Behind[] = []
    for (const [partition, standing] of known) {
      const mark = found.get(partition)
      const at = offsets.get(partition)
      const applied = standing?.applied ?? vouchedFor(at)
      if (applied === undefined) {
        // not over what another worker does meanwhile, who may be the owner by now
        const seen = before.get(partition)
        if (at !== undefined) await this.place(standings, partition, seen, at.next, false)
      } else if (isBehind(mark, applied)) {
        const from = greater(mark?.next ?? 0n, at?.start)
        behind.push({ loss: { partition, mark: mark?.next, applied, from }, seen: mark, at })
      } else if (standings.get(partition) === standing) {
        const reached = standing ?? { applied: at?.next ?? applied, isSetBack: false }
        standings.set(partition, { ...reached, seen: mark })
      }
      const now = standings.get(partition)
      const isNews = standing === undefined && now !== undefined
      if (isNews && this.sought.has(partition)) this.seek(partition, now.applied)
    }
    if (behind.length > 0) await this.setBack(standings, behind)
  }

  private async setBack(standings: Standings, behind: readonly Behind[]): Promise<void> {
    const { onLostState, onLoss } = this.options
    const losses = lossesIn(behind)
    if (losses.length > 0 && onLostState === 'stop') {
      onLoss(losses)
      throw this.giveUp(new StateLost(losses))
    }
    this.setBacks++
    const placed: Loss[] = []
    try {
      for (const { loss, seen } of behind) {
        const { partition, from } = loss
        // where it is none, the mark may be another worker's, and is left alone
        if (losses.includes(loss) || seen?.next === undefined) {
          await this.place(standings, partition, seen, from, true)
        } else {
          standings.set(partition, { applied: from, seen, isSetBack: true })
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

  /** Sets the mark to where reading goes on. */
  private async place(
    standings: Standings,
    partition: number,
    seen: Mark | undefined,
    next: bigint,
    isSetBack: boolean,
  ): Promise<void> {
    const { marks } = this.options
    const mark = await this.guarded(() => marks.compareAndSet(partition, seen, next))
    if (mark === undefined) throw new Unavailable('redis', 'another worker moved the mark')
    standings.set(partition, { applied: next, seen: mark, isSetBack })
  }

  private async guarded<Result>(ask: () => Promise<Result>): Promise<Result> {
    try {
      return await ask()
    } catch (error) {
      if (error instanceof Unavailable || !(error instanceof Error)) throw error
      throw this.giveUp(error)
    }
  }

  private giveUp(error: Error): Abandoned {
    this.fail(error)
    this.failure = new Abandoned(error.message)
    return this.failure
  }
}
