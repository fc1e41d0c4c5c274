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
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly dependency: Dependency

  constructor(dependency: Dependency, message: string, options?: ErrorOptions) {
    super(message, options)
    this.dependency = dependency
  }
}
