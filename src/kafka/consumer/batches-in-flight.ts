/**
 * The batches that were begun and are not durable yet. While one is merged in the background,
 * kafkajs fetches the next ones, and they are decoded:
 *
 *     kafkajs     fetch 1, decode 1 | fetch 2, decode 2                 | fetch 3, decode 3
 *     background                    | merge 1, dead letters 1, commit 1 | merge 2, …
 *
 * The states of a batch and their transitions:
 *
 *     waiting for room  -> decoding    begin(), once there is room and no other batch is decoded
 *                       -> dropped     the partitions were reassigned: it is fetched again
 *     decoding          -> waiting     waitForTurn()
 *     waiting           -> writing     the partition's batch before it is durable
 *                       -> rewound     the batch before it was rewound, and no seek followed yet
 *                       -> abandoned   the batch before it was abandoned
 *     writing           -> durable
 *                       -> rewound     a seek redelivers its records, under the same assignment
 *                       -> abandoned   only a later assignment redelivers its records
 *
 * At most one batch more than `concurrency` is in flight. That one more may belong to a further
 * partition, or be a second batch of a partition, decoded ahead. So memory is bounded, and a slow
 * partition takes at most that one place from the others.
 *
 * Nobody awaits the background work; each batch handles its own errors. An error that kafkajs must
 * act on is kept here, and thrown at every batch that kafkajs passes in, until the partitions are
 * reassigned.
 */
import { Abandoned, Rewound } from '../../pipeline/errors.ts'

/** How a batch in flight lets the next ones start, and waits for those before it. */
export interface InFlightBatch {
  /** Lets kafkajs fetch the records after this batch. */
  release(): void
  /**
   * To be called once the batch is decoded: then the next one may be decoded. Resolves once the
   * partition's batch before it is durable.
   *
   * @throws Abandoned if that batch was abandoned; Rewound if it was rewound
   */
  waitForTurn(): Promise<void>
}

/**
 * How a batch ended. The records of a rewound batch are redelivered by a seek, or found again at the
 * record where the partition stopped. Those of an abandoned batch are redelivered under a later assignment only.
 */
export type Outcome = 'durable' | 'rewound' | 'abandoned'

export class BatchesInFlight {
  private readonly concurrency: number
  /** How many batches of each partition are in flight, those of former assignments included. */
  private readonly counts = new Map<number, number>()
  /** The outcome of each partition's latest batch under this assignment. */
  private latest = new Map<number, Promise<Outcome>>()
  /** The first error under this assignment that kafkajs must act on. */
  private failure: { readonly error: unknown } | undefined
  private isDecoding = false
  private changed = Promise.withResolvers<void>()

  /** @param concurrency one batch more than this may be in flight */
  constructor(concurrency: number) {
    this.concurrency = concurrency
  }

  /**
   * Begins the batch once there is room. Resolves once the batch is released or over. If the
   * partitions are reassigned meanwhile, the batch is not begun: it is fetched again.
   *
   * @param work processes the batch to its end; never rejects
   * @throws the error that was kept for kafkajs
   */
  async begin(partition: number, work: (own: InFlightBatch) => Promise<Outcome>): Promise<void> {
    const { latest } = this
    while (this.isDecoding || this.isFull(partition)) await this.changed.promise
    if (latest !== this.latest) return
    this.throwIfFailed()
    const before = latest.get(partition)
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    const endDecoding = this.beginDecoding()
    const waitForTurn = async () => {
      endDecoding()
      const outcome = await before
      if (outcome === 'rewound') {
        throw new Rewound(`the batch before of partition ${partition} was rewound`)
      }
      if (outcome === 'abandoned') {
        throw new Abandoned(`the batch before of partition ${partition} was abandoned`)
      }
    }
    this.count(partition, 1)
    const ended = work({ release, waitForTurn }).finally(() => {
      endDecoding()
      this.count(partition, -1)
    })
    latest.set(partition, ended)
    await Promise.race([released, ended])
    this.throwIfFailed()
  }

  /** How many batches are in flight. */
  get size(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0)
  }

  /** Begins a new assignment: nobody waits for the batches of the former one. */
  assign(): void {
    this.latest = new Map()
    this.failure = undefined
  }

  /**
   * The partition continues at another offset, where it is applied or before. The next batch waits
   * until the batch in flight is over; a rewound one no longer blocks it. An abandoned batch still
   * blocks later ones: its dead letters may be missing.
   */
  seek(partition: number): void {
    const before = this.latest.get(partition)
    if (before === undefined) return
    this.latest.set(
      partition,
      before.then((outcome) => (outcome === 'rewound' ? 'durable' : outcome)),
    )
  }

  /** Keeps the error of a batch for kafkajs; only the first one counts. */
  fail(error: unknown): void {
    this.failure ??= { error }
  }

  /** Resolves once nothing is in flight. */
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

  /**
   * Batches are decoded one at a time: decoding two at once would delay both. Returns the function
   * that ends the decoding; it may be called more than once.
   */
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

  private throwIfFailed(): void {
    if (this.failure !== undefined) throw this.failure.error
  }
}
