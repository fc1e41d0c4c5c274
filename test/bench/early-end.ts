/** Why nothing more is done, told for people: what is wrong, and what to do. */
export class EarlyEnd extends Error {
  override readonly name = 'EarlyEnd'
  readonly exitCode: number

  constructor(message: string, exitCode: number, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}

/** Something could not be done. */
export const FAILED = 1
/** What was asked for makes no sense, or not yet. */
export const NOT_RETRIABLE = 2
