export type Dependency = 'kafka' | 'redis'

/** A dependency is away for now: wait and try again; nothing is wrong with the data. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
  readonly dependency: Dependency

  constructor(dependency: Dependency, message: string, options?: ErrorOptions) {
    super(message, options)
    this.dependency = dependency
  }
}

/**
 * Something at start that waiting does not mend: a wrong password, a missing right or topic,
 * an unsupported version. The message names what, which one, and what to do.
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
 * Once a worker runs, what Kafka or Redis refuses (a right withdrawn, a password changed) is an
 * outage: it waits until somebody grants it again. Any other error is returned unchanged.
 */
export function asOutage(error: unknown): unknown {
  if (!(error instanceof NotRetriable)) return error
  return new Unavailable(error.dependency, error.message, { cause: error })
}

/** The worker is to stop: the batch in hand is given up, uncommitted, to be delivered again. */
export class Abandoned extends Error {
  override readonly name = 'Abandoned'
}

/** Given up because the partition is read again from before the batch: it comes again by that. */
export class Rewound extends Abandoned {}

/** The store lost what it had acknowledged, and it is not for the worker to mend it. */
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
 * A record that cannot be got past: its partition stops there, the others go on. Nothing is
 * skipped by itself; the message names the command that does.
 */
export class PartitionStopped extends Error {
  override readonly name = 'PartitionStopped'
  readonly offset: bigint

  constructor(offset: bigint, message: string, options?: ErrorOptions) {
    super(message, options)
    this.offset = offset
  }
}
