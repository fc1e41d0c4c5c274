/**
 * The batches that were begun and are not durable yet: while one is merged, kafkajs fetches on
 * behind it, and the next ones are decoded.
 *
 *     kafkajs  fetch 1, decode 1 | fetch 2, decode 2           | fetch 3, decode 3
 *     behind                     | merge 1, letters 1, commit 1 | merge 2, letters 2, …
 *
 * Of a partition each has its turn once the one before is durable, and is given up where that
 * one is: then both are delivered again. At most so many partitions have batches in hand, and
 * one of them a second, decoded ahead. So memory is bounded, and a partition that is slow takes
 * no more room from the others than one.
 *
 * Nobody awaits what is behind; each batch deals with its own failures. What kafkajs must be
 * told is kept here, and thrown at the next batch that it hands over, until the partitions are
 * assigned anew.
 */
import { Abandoned } from '../pipeline/outage.ts'

/** What a batch that was begun does with those before it. */
export interface Hand {
  /** The partition may be read on behind this batch. */
  release(): void
  /** @throws Abandoned where the one before was given up; resolves once that is durable */
  turn(): Promise<void>
}

export class BatchesInHand {
  private readonly mostPartitions: number
  private readonly yieldLoop: () => Promise<unknown>
  /** How many of each partition, those of former assignments included. */
  private readonly counts = new Map<number, number>()
  /** Of each partition of this assignment: whether the latest batch becomes durable. */
  private latest = new Map<number, Promise<boolean>>()
  /** Of this assignment: the first of what kafkajs must be told. */
  private failure: { readonly error: unknown } | undefined
  private left = Promise.withResolvers<void>()

  /** @param yieldLoop resolves once the event loop has sent and received what it could */
  constructor(mostPartitions: number, yieldLoop: () => Promise<unknown>) {
    this.mostPartitions = mostPartitions
    this.yieldLoop = yieldLoop
  }

  /**
   * Begins the batch once there is room, and resolves once it is released or over. Where the
   * partitions were assigned anew meanwhile it is not begun: it is read again.
   *
   * @param work on the batch, until it is durable (true) or given up; never rejects
   * @throws what was kept for kafkajs
   */
  async begin(partition: number, work: (hand: Hand) => Promise<boolean>): Promise<void> {
    const { latest } = this
    while (this.isFull(partition)) {
      await this.left.promise
      // decoding keeps the processor for long: whose turn it is sends its writes before
      await this.yieldLoop()
    }
    if (latest !== this.latest) return
    this.assertWorking()
    const before = latest.get(partition)
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    const turn = async () => {
      if (before === undefined || (await before)) return
      throw new Abandoned(`the batch before of partition ${partition} was given up`)
    }
    this.count(partition, 1)
    const durable = work({ release, turn }).finally(() => this.count(partition, -1))
    latest.set(partition, durable)
    await Promise.race([released, durable])
    this.assertWorking()
  }

  /** What is in hand belongs to an assignment that is over: nobody waits for it. */
  assign(): void {
    this.latest = new Map()
    this.failure = undefined
  }

  /** The partition is read elsewhere: what is in hand need only be over, not durable. */
  restart(partition: number): void {
    const before = this.latest.get(partition)
    if (before === undefined) return
    this.latest.set(
      partition,
      before.then(() => true),
    )
  }

  /** Keeps for kafkajs what a batch failed with. */
  fail(error: unknown): void {
    this.failure ??= { error }
  }

  /** Resolves once nothing is in hand. */
  async settled(): Promise<void> {
    while (this.counts.size > 0) await this.left.promise
  }

  private isFull(partition: number): boolean {
    const { counts, mostPartitions } = this
    if (!counts.has(partition)) return counts.size >= mostPartitions
    return [...counts.values()].some((count) => count > 1)
  }

  private count(partition: number, change: 1 | -1): void {
    const count = (this.counts.get(partition) ?? 0) + change
    if (count > 0) this.counts.set(partition, count)
    else this.counts.delete(partition)
    if (change > 0) return
    this.left.resolve()
    this.left = Promise.withResolvers<void>()
  }

  private assertWorking(): void {
    if (this.failure !== undefined) throw this.failure.error
  }
}
