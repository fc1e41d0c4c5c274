import { setTimeout as sleep } from 'node:timers/promises'
import { CannotListen } from '../http/listen.ts'
import { Refused, StateLost } from '../pipeline/outage.ts'
import type { Log } from '../pipeline/ports.ts'

export interface LifeRules {
  /** How long the end may take once it is asked for, in milliseconds. */
  readonly shutdownTimeoutMs: number
  readonly log: Log
}

const DONE = 0
const FAILED = 1
/** What a shell says of a program ended by Ctrl-C: 128 and the number of SIGINT. */
const INTERRUPTED = 130

/** Ctrl-C at npm reaches its child twice at once: only a later signal is a second one. */
const SECOND_SIGNAL_MS = 1000

/**
 * Runs a service until SIGTERM or SIGINT, which abort its signal: then it ends by itself. One
 * that takes longer than the time-out, or gets a second signal a second or more later, is
 * ended on the spot.
 *
 * @returns the exit code: 0 ended by a signal, 1 it failed, and the log says why
 */
export async function runUntilSignalled(
  run: (signal: AbortSignal) => Promise<void>,
  { shutdownTimeoutMs, log }: LifeRules,
): Promise<number> {
  const stopping = new AbortController()
  let signalledAtMs: number | undefined
  const onSignal = (name: NodeJS.Signals) => {
    if (signalledAtMs === undefined) {
      signalledAtMs = performance.now()
      log.info({ signal: name }, 'stopping: what is in hand is finished first')
      stopping.abort()
      endAfter(shutdownTimeoutMs, log)
    } else if (performance.now() - signalledAtMs >= SECOND_SIGNAL_MS) {
      log.warn({ signal: name }, 'stopped at once: what was in hand will be delivered again')
      process.exit(INTERRUPTED)
    }
  }
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal)
  try {
    await run(stopping.signal)
    return DONE
  } catch (error) {
    if (isForeseen(error)) log.fatal({}, error.message)
    else log.fatal({ err: error }, 'ended by an unexpected error')
    return FAILED
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal)
  }
}

function isForeseen(error: unknown): error is Error {
  return error instanceof Refused || error instanceof StateLost || error instanceof CannotListen
}

/** Resolves once the signal is aborted. */
export function untilAborted(signal: AbortSignal): Promise<undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  if (signal.aborted) resolve(undefined)
  signal.addEventListener('abort', () => resolve(undefined), { once: true })
  return promise
}

async function endAfter(timeoutMs: number, log: Log): Promise<void> {
  await sleep(timeoutMs, undefined, { ref: false })
  log.fatal(
    { timeoutMs },
    'the stop took too long: ended; what was in hand will be delivered again',
  )
  process.exit(FAILED)
}
