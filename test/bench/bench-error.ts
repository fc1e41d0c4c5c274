/** Ends the benchmark. The message is for people: what is wrong, and what to do. */
export class BenchError extends Error {
  override readonly name = 'BenchError'
  readonly exitCode: number

  constructor(message: string, exitCode: number, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}

/** The exit code when something failed. */
export const EXIT_FAILURE = 1
/** The exit code for wrong arguments, or for results to draw that do not exist yet. */
export const EXIT_USAGE = 2
