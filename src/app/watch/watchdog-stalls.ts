/**
 * Decides, check by check, which partitions make no progress although they have records to read.
 *
 * A partition is stalled while its position stays the same. Time counts only between checks that
 * were made: during an outage, and while the process itself was suspended, no partition stalls.
 */
import type { PartitionState } from '../../kafka/consumer/partition-states.ts'
import type { PartitionOffsets } from '../../pipeline/ports.ts'

export interface Stall {
  readonly partition: number
  /** The offset that does not advance. */
  readonly position: bigint
  /** How many records there are to read from `position` on. */
  readonly lag: bigint
  /** When a check first found it at `position`: milliseconds since 1970. */
  readonly sinceMs: number
  /** How long it has been there, in milliseconds that count. */
  readonly stalledMs: number
  /** How long its oldest batch in flight has been the same one; 0 if none is in flight. */
  readonly inFlightMs: number
}

/** What a check found. */
export interface Observation {
  readonly partitions: readonly PartitionState[]
  readonly offsets: readonly PartitionOffsets[]
  /** The batches in flight of each partition, oldest first. They are compared by identity. */
  readonly inFlight: ReadonlyMap<number, readonly object[]>
  /** Milliseconds since the check before. */
  readonly passedMs: number
  /** Milliseconds since 1970. */
  readonly nowMs: number
}

interface StallWithBatch extends Stall {
  readonly oldestBatch: object | undefined
}

export class Stalls {
  private stalls = new Map<number, StallWithBatch>()
  private positions = new Map<number, bigint | undefined>()
  /** How long no partition has advanced. */
  private standstillMs = 0

  /** Returns whether some partition is where it was at the last check. If not, all is well. */
  arePossible(partitions: readonly PartitionState[]): boolean {
    return partitions.some(
      ({ partition, position, stopped }) =>
        stopped === undefined &&
        this.positions.has(partition) &&
        this.positions.get(partition) === position,
    )
  }

  add(observation: Observation): void {
    const { partitions, passedMs } = observation
    const stalls = partitions.flatMap((state) => this.stallOf(state, observation) ?? [])
    this.stalls = new Map(stalls.map((stall) => [stall.partition, stall]))
    this.standstillMs = this.hasProgress(partitions) ? 0 : this.standstillMs + passedMs
    this.positions = new Map(partitions.map(({ partition, position }) => [partition, position]))
  }

  /**
   * Returns the stalls that exceed the limit, longest in flight first.
   *
   * A partition without a batch in flight may only be waiting for its turn while others advance.
   * Every partition with a lag gets a turn, so the limit is then multiplied by their number.
   */
  exceeding(limitMs: number): Stall[] {
    const turnLimitMs = this.standstillMs >= limitMs ? limitMs : limitMs * this.stalls.size
    return [...this.stalls.values()]
      .filter(({ stalledMs, inFlightMs }) => inFlightMs >= limitMs || stalledMs >= turnLimitMs)
      .sort((a, b) => b.inFlightMs - a.inFlightMs || a.partition - b.partition)
  }

  private stallOf(
    { partition, position: known, stopped }: PartitionState,
    { offsets, inFlight, passedMs, nowMs }: Observation,
  ): StallWithBatch | undefined {
    const bounds = offsets.find((each) => each.partition === partition)
    if (stopped !== undefined || bounds === undefined) return undefined
    const position = known ?? bounds.next
    const lag = bounds.end - position
    // The second case: retention removed all records, so there are none to read.
    if (lag <= 0n || bounds.end <= bounds.start) return undefined
    const oldestBatch = inFlight.get(partition)?.[0]
    const before = this.stalls.get(partition)
    if (before === undefined || before.position !== position) {
      return { partition, position, lag, sinceMs: nowMs, stalledMs: 0, inFlightMs: 0, oldestBatch }
    }
    const isSameBatch = oldestBatch !== undefined && oldestBatch === before.oldestBatch
    return {
      ...before,
      lag,
      oldestBatch,
      stalledMs: before.stalledMs + passedMs,
      inFlightMs: isSameBatch ? before.inFlightMs + passedMs : 0,
    }
  }

  private hasProgress(partitions: readonly PartitionState[]): boolean {
    return partitions.some(
      ({ partition, position }) =>
        this.positions.has(partition) && this.positions.get(partition) !== position,
    )
  }
}
