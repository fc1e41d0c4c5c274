import { setTimeout as sleep } from 'node:timers/promises'
import { type Command, InvalidArgumentError } from 'commander'
import { Unavailable } from '../pipeline/errors.ts'
import { CommandFailed } from './cli.ts'

/** Gives the command --timeout: for how many seconds it waits for a server that is away. */
export function addTimeout(command: Command, seconds = 10): void {
  const meaning = 'how long to wait for a server that is away'
  command.option('--timeout <seconds>', meaning, secondsOf, seconds)
}

function secondsOf(text: string): number {
  const seconds = Number(text)
  if (seconds > 0 && seconds <= 3600) return seconds
  throw new InvalidArgumentError('It must be a number of seconds, over 0 and up to 3600.')
}

/**
 * Attempts it again while the server is away, as long as there is time.
 *
 * @param server for the message: what, where, and what names it
 * @param hint for the message: what to do next
 * @throws CommandFailed once the time is over; what the attempt throws but for Unavailable
 */
export async function patiently<Result>(
  seconds: number,
  server: string,
  attempt: () => Promise<Result>,
  hint?: string,
): Promise<Result> {
  const inTime = new AbortController()
  let reason = 'it does not answer'
  const tooLate = sleep(seconds * 1000, undefined, { signal: inTime.signal }).then(() => {
    throw awayTooLong(server, seconds, reason, hint)
  })
  tooLate.catch(() => {}) // rejects for whoever races it, and nobody does after an answer
  try {
    for (;;) {
      try {
        return await Promise.race([attempt(), tooLate])
      } catch (error) {
        if (!(error instanceof Unavailable)) throw error
        reason = error.message
      }
      await Promise.race([sleep(RETRY_MS), tooLate])
    }
  } finally {
    inTime.abort()
  }
}

const RETRY_MS = 250

export function awayTooLong(
  server: string,
  seconds: number,
  reason: string,
  hint = 'Is it running, and can it be reached from here?',
): CommandFailed {
  return new CommandFailed(`${server} was away for ${seconds} s: ${reason}\n${hint}`)
}
