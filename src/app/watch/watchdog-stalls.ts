/**
 * Judges, look by look, which partitions stand still though they have records to read.
 *
 * Time is what passed between looks that count, not what a clock says: an outage, or a process
 * that was itself suspended, makes no partition stall.
 */
import type { PartitionState } from '../../kafka/consumer/partition-states.ts'
import type { PartitionOffsets } from '../../pipeline/ports.ts'

export interface Stall {
  readonly partition: number
  /** The offset it stands at. */
  readonly position: bigint
  /** Records to be read from there on. */
  readonly lag: bigint
  /** When it was first seen standing there: milliseconds since 1970. */
  readonly sinceMs: number
  /** For how long, in milliseconds that count. */
  readonly stalledMs: number
  /** For how long the oldest of its batches in hand has been the same; 0 where none is. */
  readonly inFlightMs: number
}

export interface Look {
  readonly partitions: readonly PartitionState[]
  readonly offsets: readonly PartitionOffsets[]
  /** The batches in hand of each partition, oldest first: the same objects for as long as they are. */
  readonly inFlight: ReadonlyMap<number, readonly object[]>
  /** Since the look before. */
  readonly passedMs: number
  /** Milliseconds since 1970. */
  readonly nowMs: number
}

interface StallOfBatch extends Stall {
  readonly batch: object | undefined
}

export class Stalls {
  private stalls = new Map<number, StallOfBatch>()
  private positions = new Map<number, bigint | undefined>()
  /** For how long no partition has moved. */
  private standstillMs = 0

  /** Whether there is a partition that stands where it stood at the last look: else all is well. */
  areLikely(partitions: readonly PartitionState[]): boolean {
    return partitions.some(
      ({ partition, position, stopped }) =>
        stopped === undefined &&
        this.positions.has(partition) &&
        this.positions.get(partition) === position,
    )
  }

  look(look: Look): void {
    const standing = look.partitions.flatMap((state) => this.stallOf(state, look) ?? [])
    this.stalls = new Map(standing.map((stall) => [stall.partition, stall]))
    this.standstillMs = this.hasMoved(look.partitions) ? 0 : this.standstillMs + look.passedMs
    this.positions = new Map(
      look.partitions.map(({ partition, position }) => [partition, position]),
    )
  }

  /**
   * Those that have stood for so long, longest in hand first. One of which no batch is in hand,
   * while others move, may only be waiting for its turn, of which each that lags gets one.
   */
  over(limitMs: number): Stall[] {
    const patienceMs = this.standstillMs >= limitMs ? limitMs : limitMs * this.stalls.size
    return [...this.stalls.values()]
      .filter(({ stalledMs, inFlightMs }) => inFlightMs >= limitMs || stalledMs >= patienceMs)
      .sort((a, b) => b.inFlightMs - a.inFlightMs || a.partition - b.partition)
  }

  private stallOf(
    { partition, position: known, stopped }: PartitionState,
    { offsets, inFlight, passedMs, nowMs }: Look,
  ): StallOfBatch | undefined {
    const bounds = offsets.find((each) => each.partition === partition)
    if (stopped !== undefined || bounds === undefined) return undefined
    const position = known ?? bounds.next
    const lag = bounds.end - position
    // what retention has taken away is not there to be read
    if (lag <= 0n || bounds.end <= bounds.start) return undefined
    const batch = inFlight.get(partition)?.[0]
    const before = this.stalls.get(partition)
    if (before === undefined || before.position !== position) {
      return { partition, position, lag, sinceMs: nowMs, stalledMs: 0, inFlightMs: 0, batch }
    }
    const isSameBatch = batch !== undefined && batch === before.batch
    return {
      ...before,
      lag,
      batch,
      stalledMs: before.stalledMs + passedMs,
      inFlightMs: isSameBatch ? before.inFlightMs + passedMs : 0,
    }
  }

  private hasMoved(partitions: readonly PartitionState[]): boolean {
    return partitions.some(
      ({ partition, position }) =>
        this.positions.has(partition) && this.positions.get(partition) !== position,
    )
  }
}
