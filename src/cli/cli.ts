/** What every command receives from outside, and how it ends. */
import type { Readable } from 'node:stream'
import type { OutStream } from './output/stream.ts'

/** The three standard streams. Tests pass their own. */
export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly stdout: OutStream
  readonly stderr: OutStream
}

export type Environment = Readonly<Record<string, string | undefined>>

export interface Cli extends Io {
  readonly environment: Environment
  /** Milliseconds since 1970. */
  now(): number
  /** Turns the work of a command, which returns the exit code, into an action for commander. */
  run<Args extends unknown[]>(
    work: (...args: Args) => ExitCode | Promise<ExitCode>,
  ): (...args: Args) => Promise<void>
}

export type ExitCode = number
export const DONE = 0
export const FAILED = 1
export const WRONG_USAGE = 2

/** The command failed. The message says why, and what to do next. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed'
  readonly exitCode: ExitCode

  constructor(message: string, exitCode: ExitCode = FAILED) {
    super(message)
    this.exitCode = exitCode
  }
}
