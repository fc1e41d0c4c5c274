import type { BatchesInFlight } from './batches-in-flight.ts'
import { Committer } from './committer.ts'

/** What the consumer knows about a partition that it is assigned. */
export interface PartitionState {
  readonly partition: number
  /** All records before it are durable. Undefined until the first batch, or seek. */
  readonly position?: bigint
  /** Records from `position` on, as of the fetch of the latest durable batch. */
  readonly lag?: bigint
  /** Set if the partition is paused until an operator acts. */
  readonly stopped?: { readonly offset: bigint; readonly message: string }
}

/** The states of all partitions of the current assignment, and what else belongs to it. */
export class PartitionStates {
  /** Counts the assignments: a batch of an earlier one may have another owner by now. */
  assignment = 0
  readonly inFlight: BatchesInFlight
  /** Of this assignment. */
  committer = new Committer()
  /** As of before this assignment; undefined if the brokers do not know topic ids. */
  topicId: string | undefined
  private states = new Map<number, PartitionState>()
  /** Counts the seeks of each partition. */
  private readonly seeks = new Map<number, number>()
  /** The latest stop of each partition, so that it is not logged again after a rebalance. */
  private readonly reportedStops = new Map<number, bigint>()

  constructor(inFlight: BatchesInFlight) {
    this.inFlight = inFlight
  }

  assign(partitions: readonly number[], topicId?: string): void {
    this.assignment++
    this.inFlight.assign()
    this.topicId = topicId
    this.committer = new Committer()
    this.states = new Map(partitions.map((partition) => [partition, { partition }]))
  }

  advance(partition: number, position: bigint, highWatermark: bigint): void {
    if (!this.states.has(partition)) return
    const lag = highWatermark > position ? highWatermark - position : 0n
    this.states.set(partition, { partition, position, lag })
  }

  /**
   * Returns an id that stays the same while the partition is read without interruption. It changes
   * with every assignment and every seek; a batch of an earlier id must not move the position.
   */
  readIdOf(partition: number): string {
    return `${this.assignment}.${this.seeks.get(partition) ?? 0}`
  }

  /**
   * Notes that the partition continues at `position`. A stopped partition is no longer stopped.
   *
   * @returns whether the partition is assigned to us
   */
  seek(partition: number, position: bigint): boolean {
    if (!this.states.has(partition)) return false
    this.inFlight.seek(partition)
    this.seeks.set(partition, (this.seeks.get(partition) ?? 0) + 1)
    this.states.set(partition, { partition, position })
    return true
  }

  /** @returns whether this stop was not reported before */
  stop(partition: number, offset: bigint, message: string, highWatermark: bigint): boolean {
    this.advance(partition, offset, highWatermark)
    const state = this.states.get(partition) ?? { partition }
    this.states.set(partition, { ...state, stopped: { offset, message } })
    const isNew = this.reportedStops.get(partition) !== offset
    this.reportedStops.set(partition, offset)
    return isNew
  }

  list(): PartitionState[] {
    return [...this.states.values()].sort((a, b) => a.partition - b.partition)
  }
}
