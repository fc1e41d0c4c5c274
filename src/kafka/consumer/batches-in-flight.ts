/**
 * The batches that were begun and are not durable yet: while one is merged, kafkajs fetches on
 * behind it, and the next ones are decoded.
 *
 *     kafkajs  fetch 1, decode 1 | fetch 2, decode 2           | fetch 3, decode 3
 *     behind                     | merge 1, letters 1, commit 1 | merge 2, letters 2, …
 *
 * Of a partition each has its turn once the one before is durable; if that one is given up, so is
 * this one, and both are delivered again. One batch more than a given number may be in hand, of
 * one more partition or decoded ahead of one that has one already. So memory is bounded, and a
 * partition that is slow never takes more than that one place from the others.
 *
 * Nobody awaits what is behind; each batch deals with its own failures. What kafkajs must be
 * told is kept here, and thrown at the next batch that it hands over, until the partitions are
 * assigned anew.
 */
import { Abandoned, Rewound } from '../../pipeline/errors.ts'

/** How a batch that was begun lets others go on, and waits for those before it. */
export interface InFlightBatch {
  /** The partition may be read on behind this batch. */
  release(): void
  /**
   * To be called once it is decoded: then the next one may be. Resolves once the one before of
   * its partition is durable.
   *
   * @throws Abandoned where that one was given up; Rewound where that one is read again
   */
  turn(): Promise<void>
}

/**
 * How a batch ended: 'read again' is not durable, and what is missing of it is met by whoever
 * reads the partition on from where it stands applied; 'given up' comes again only under another
 * assignment.
 */
export type Outcome = 'durable' | 'read again' | 'given up'

export class BatchesInFlight {
  private readonly concurrency: number
  /** How many of each partition, those of former assignments included. */
  private readonly counts = new Map<number, number>()
  /** Of each partition of this assignment: how the latest batch ends. */
  private latest = new Map<number, Promise<Outcome>>()
  /** Of this assignment: the first of what kafkajs must be told. */
  private failure: { readonly error: unknown } | undefined
  private isDecoding = false
  private changed = Promise.withResolvers<void>()

  /** @param concurrency one batch more than that may be in hand */
  constructor(concurrency: number) {
    this.concurrency = concurrency
  }

  /**
   * Begins the batch once there is room, and resolves once it is released or over. Where the
   * partitions were assigned anew meanwhile it is not begun: it is read again.
   *
   * @param work on the batch, to its end; never rejects
   * @throws what was kept for kafkajs
   */
  async begin(partition: number, work: (hand: InFlightBatch) => Promise<Outcome>): Promise<void> {
    const { latest } = this
    while (this.isDecoding || this.isFull(partition)) await this.changed.promise
    if (latest !== this.latest) return
    this.assertWorking()
    const before = latest.get(partition)
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    const decoded = this.beginDecoding()
    const turn = async () => {
      decoded()
      const outcome = await before
      if (outcome === 'read again') {
        throw new Rewound(`the batch before of partition ${partition} is read again`)
      }
      if (outcome === 'given up') {
        throw new Abandoned(`the batch before of partition ${partition} was given up`)
      }
    }
    this.count(partition, 1)
    const ended = work({ release, turn }).finally(() => {
      decoded()
      this.count(partition, -1)
    })
    latest.set(partition, ended)
    await Promise.race([released, ended])
    this.assertWorking()
  }

  /** How many are in hand. */
  get size(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0)
  }

  /** What is in hand belongs to an assignment that is over: nobody waits for it. */
  assign(): void {
    this.latest = new Map()
    this.failure = undefined
  }

  /**
   * The partition is read elsewhere, from where it stands applied or before: what is in hand need
   * only be over. But what was given up stays between: of a batch that is applied, letters may lack.
   */
  restart(partition: number): void {
    const before = this.latest.get(partition)
    if (before === undefined) return
    this.latest.set(
      partition,
      before.then((outcome) => (outcome === 'read again' ? 'durable' : outcome)),
    )
  }

  /** Keeps for kafkajs what a batch failed with. */
  fail(error: unknown): void {
    this.failure ??= { error }
  }

  /** Resolves once nothing is in hand. */
  async settled(): Promise<void> {
    while (this.counts.size > 0) await this.changed.promise
  }

  private isFull(partition: number): boolean {
    const { counts, concurrency } = this
    const seconds = [...counts.values()].filter((count) => count > 1).length
    const isFull = counts.size + seconds > concurrency
    return isFull || (counts.has(partition) && seconds > 0)
  }

  private count(partition: number, change: 1 | -1): void {
    const count = (this.counts.get(partition) ?? 0) + change
    if (count > 0) this.counts.set(partition, count)
    else this.counts.delete(partition)
    this.notifyChange()
  }

  /** One after the other: two at once would both be late. Returns what ends it, once. */
  private beginDecoding(): () => void {
    this.isDecoding = true
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      this.isDecoding = false
      this.notifyChange()
    }
  }

  private notifyChange(): void {
    this.changed.resolve()
    this.changed = Promise.withResolvers<void>()
  }

  private assertWorking(): void {
    if (this.failure !== undefined) throw this.failure.error
  }
}
