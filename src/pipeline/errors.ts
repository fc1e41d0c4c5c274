/**
 * The errors that the pipeline and its adapters agree on. One of them, `Unavailable`, is an outage:
 * the caller retries. An error that is not listed here is a bug and ends the process.
 */
export type Dependency = 'kafka' | 'redis'

/**
 * An outage: a dependency does not answer, or cannot serve us for now. Nothing is wrong with the
 * data. The catcher retries with backoff until the dependency is back (see retry.ts).
 */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
  readonly dependency: Dependency

  constructor(dependency: Dependency, message: string, options?: ErrorOptions) {
    super(message, options)
    this.dependency = dependency
  }
}

/**
 * A dependency rejects us, and only an operator can change that: a wrong password, a missing right
 * or topic, an unsupported version. The message names what is wrong and what to do. At start the
 * process prints it and exits; once a worker runs, `asOutage` makes it an outage.
 */
export class NotRetriable extends Error {
  override readonly name = 'NotRetriable'
  readonly dependency: Dependency

  constructor(dependency: Dependency, message: string, options?: ErrorOptions) {
    super(message, options)
    this.dependency = dependency
  }
}

/**
 * Returns `Unavailable` for `NotRetriable`, and any other error unchanged. A running worker uses
 * it: a right that was withdrawn or a password that was changed may be restored, so it waits.
 */
export function asOutage(error: unknown): unknown {
  if (!(error instanceof NotRetriable)) return error
  return new Unavailable(error.dependency, error.message, { cause: error })
}

/**
 * This worker must not finish the batch: it stops, it failed, or the partition was reassigned.
 * The consumer leaves the batch uncommitted, so that Kafka redelivers it under a later assignment.
 */
export class Abandoned extends Error {
  override readonly name = 'Abandoned'
}

/**
 * The partition was rewound to an offset before the end of the batch. The consumer drops the batch;
 * the seek itself redelivers its records, under the same assignment.
 */
export class Rewound extends Abandoned {}

/**
 * Redis lost writes that it had acknowledged, and `onLostState` is `stop`. The worker ends with
 * this error, and an operator decides how the state is restored.
 */
export class StateLost extends Error {
  override readonly name = 'StateLost'

  constructor(losses: readonly { readonly partition: number }[]) {
    const partitions = losses.map(({ partition }) => partition).join(', ')
    super(
      `Redis lost acknowledged writes (partitions ${partitions}), and ` +
        'worker.onLostState is stop: run `group-traits rebuild`, or start once with ' +
        'WORKER_ON_LOST_STATE=replay',
    )
  }
}

/**
 * A record cannot be processed: it hits a bug, or its batch cannot be decompressed. The consumer
 * pauses that partition and continues with the others. No record is skipped automatically; the
 * message names the command that skips it.
 */
export class PartitionStopped extends Error {
  override readonly name = 'PartitionStopped'
  /** The record at which the partition stops: all records before it are durable. */
  readonly offset: bigint

  constructor(offset: bigint, message: string, options?: ErrorOptions) {
    super(message, options)
    this.offset = offset
  }
}
