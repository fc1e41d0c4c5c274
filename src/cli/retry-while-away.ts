import { setTimeout as sleep } from 'node:timers/promises'
import { type Command, InvalidArgumentError } from 'commander'
import { Unavailable } from '../pipeline/errors.ts'
import { CommandFailed } from './cli.ts'

/** Adds the option --timeout to the command: how many seconds it retries while a server is away. */
export function addTimeout(command: Command, seconds = 10): void {
  const meaning = 'how long to retry while a server is away'
  command.option('--timeout <seconds>', meaning, secondsOf, seconds)
}

function secondsOf(text: string): number {
  const seconds = Number(text)
  if (seconds > 0 && seconds <= 3600) return seconds
  throw new InvalidArgumentError('It must be a number of seconds, over 0 and up to 3600.')
}

/**
 * Retries `attempt` while it throws Unavailable, for the given number of seconds.
 *
 * @param server for the message: what it is, where, and the variable that names it
 * @param hint for the message: what to do next
 * @throws CommandFailed after that time; what `attempt` throws, except Unavailable
 */
export async function retryWhileAway<Result>(
  seconds: number,
  server: string,
  attempt: () => Promise<Result>,
  hint?: string,
): Promise<Result> {
  const settled = new AbortController()
  let reason = 'it does not answer'
  const timedOut = sleep(seconds * 1000, undefined, { signal: settled.signal }).then(() => {
    throw awayTooLong(server, seconds, reason, hint)
  })
  timedOut.catch(() => {}) // once there is a result, nothing races it any more, and it is aborted
  try {
    for (;;) {
      try {
        return await Promise.race([attempt(), timedOut])
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error
        reason = error.message
      }
      await Promise.race([sleep(RETRY_MS), timedOut])
    }
  } finally {
    settled.abort()
  }
}

const RETRY_MS = 250

/** Returns the error for a server that was away for the whole timeout. */
export function awayTooLong(
  server: string,
  seconds: number,
  reason: string,
  hint = 'Check that it is running, and that this machine can reach it.',
): CommandFailed {
  return new CommandFailed(`${server} was away for ${seconds} s: ${reason}\n${hint}`)
}
