import { CannotListen } from '../http/listen.ts'
import { NotRetriable, StateLost } from '../pipeline/errors.ts'
import type { Log } from '../pipeline/ports.ts'
import { Stalled } from './watch/watchdog.ts'

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
 * ended on the spot; so is one with an error that nobody caught.
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
  const onBug = (error: unknown) => {
    log.fatal({ err: error }, 'ended by an error that nobody caught: what was in hand comes again')
    process.exit(FAILED)
  }
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal)
  process.on('uncaughtException', onBug)
  try {
    await run(stopping.signal)
    return DONE
  } catch (error) {
    if (isForeseen(error)) log.fatal({}, error.message)
    else log.fatal({ err: error }, 'ended by an unexpected error')
    return FAILED
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal)
    process.off('uncaughtException', onBug)
  }
}

function isForeseen(error: unknown): error is Error {
  return [NotRetriable, StateLost, CannotListen, Stalled].some((kind) => error instanceof kind)
}

/** Resolves once the signal is aborted. */
export function untilAborted(signal: AbortSignal): Promise<undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  if (signal.aborted) resolve(undefined)
  signal.addEventListener('abort', () => resolve(undefined), { once: true })
  return promise
}

/**
 * Ends the process if it is still there after the time-out.
 *
 * @param failure that makes it end, if one does: it would not be told otherwise
 * @returns what calls it off
 */
export function endAfter(timeoutMs: number, log: Log, failure?: unknown): () => void {
  const end = () => {
    log.fatal(
      { timeoutMs, err: failure },
      'the stop took too long: ended; what was in hand will be delivered again',
    )
    process.exit(FAILED)
  }
  const timer = setTimeout(end, timeoutMs).unref()
  return () => clearTimeout(timer)
}
