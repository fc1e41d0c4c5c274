import type { BatchesInFlight } from './batches-in-flight.ts'
import { Committer } from './committer.ts'

/** What the consumer knows of the partitions that it was assigned. */
export interface PartitionState {
  readonly partition: number
  /** All before it is durable; unknown until the first batch. */
  readonly position?: bigint
  /** Records behind it, as of the fetch that the latest durable batch came with. */
  readonly lag?: bigint
  /** Set where nothing more is read of it until somebody acts. */
  readonly stopped?: { readonly offset: bigint; readonly message: string }
}

export class PartitionStates {
  /** Counts the assignments: what began under an earlier one may have another owner by now. */
  generation = 0
  readonly inFlight: BatchesInFlight
  /** Of this assignment. */
  committer = new Committer()
  /** Known from before this assignment; undefined where the brokers give topics none. */
  topicId: string | undefined
  private states = new Map<number, PartitionState>()
  /** Counts the seeks. */
  private readonly seeks = new Map<number, number>()
  /** The latest stop of each partition, so that a rebalance doesn't tell it again. */
  private readonly reportedStops = new Map<number, bigint>()

  constructor(inFlight: BatchesInFlight) {
    this.inFlight = inFlight
  }

  assign(partitions: readonly number[], topicId?: string): void {
    this.generation++
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
   * What stays the same for as long as the partition is read on under one assignment: what began
   * earlier says nothing of where it stands.
   */
  readingOf(partition: number): string {
    return `${this.generation}.${this.seeks.get(partition) ?? 0}`
  }

  /** @returns whether the partition is ours; where it had stopped, it goes on */
  seek(partition: number, position: bigint): boolean {
    if (!this.states.has(partition)) return false
    this.inFlight.restart(partition)
    this.seeks.set(partition, (this.seeks.get(partition) ?? 0) + 1)
    this.states.set(partition, { partition, position })
    return true
  }

  /** @returns whether this stop is news */
  stop(partition: number, offset: bigint, message: string, highWatermark: bigint): boolean {
    this.advance(partition, offset, highWatermark)
    const state = this.states.get(partition) ?? { partition }
    this.states.set(partition, { ...state, stopped: { offset, message } })
    const isNews = this.reportedStops.get(partition) !== offset
    this.reportedStops.set(partition, offset)
    return isNews
  }

  list(): PartitionState[] {
    return [...this.states.values()].sort((a, b) => a.partition - b.partition)
  }
}
