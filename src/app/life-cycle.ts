import { CannotListen } from '../http/listen.ts'
import { NotRetriable, StateLost } from '../pipeline/errors.ts'
import type { Log } from '../pipeline/ports.ts'
import { Stalled } from './watch/watchdog.ts'

export interface LifeRules {
  /** How long the service may take to stop after the signal, in milliseconds. */
  readonly shutdownTimeoutMs: number
  readonly log: Log
}

const DONE = 0
const FAILED = 1
/** The exit code that shells use for a program ended by Ctrl-C: 128 + the number of SIGINT. */
export const INTERRUPTED = 130

/** Under npm, one Ctrl-C arrives twice. A signal within this time is not a second Ctrl-C. */
const SECOND_SIGNAL_MS = 1000

/**
 * Runs a service until SIGTERM or SIGINT. A signal aborts `run`'s AbortSignal, and the service then
 * ends by itself. The process exits at once if that takes longer than the timeout, if a second
 * signal arrives after a second or more, or if there is an uncaught error.
 *
 * @returns the exit code: 0 if a signal ended the service, 1 if it failed (the log says why)
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
      log.info({ signal: name }, 'stopping: the batches and requests in flight are finished first')
      stopping.abort()
      endAfter(shutdownTimeoutMs, log)
    } else if (performance.now() - signalledAtMs >= SECOND_SIGNAL_MS) {
      log.warn({ signal: name }, 'stopped at once: uncommitted batches will be redelivered')
      process.exit(INTERRUPTED)
    }
  }
  const onUncaught = (error: unknown) => {
    log.fatal({ err: error }, 'ended by an uncaught error: uncommitted batches will be redelivered')
    process.exit(FAILED)
  }
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal)
  process.on('uncaughtException', onUncaught)
  try {
    await run(stopping.signal)
    return DONE
  } catch (error) {
    if (isExpected(error)) log.fatal({}, error.message)
    else log.fatal({ err: error }, 'ended by an unexpected error')
    return FAILED
  } finally {
    process.off('SIGTERM', onSignal).off('SIGINT', onSignal)
    process.off('uncaughtException', onUncaught)
  }
}

function isExpected(error: unknown): error is Error {
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
 * Exits the process unless it ends within the timeout.
 *
 * @param failure why the process ends, if an error ended it; otherwise it would not be logged
 * @returns a function that cancels the deadline
 */
export function endAfter(timeoutMs: number, log: Log, failure?: unknown): () => void {
  const end = () => {
    log.fatal(
      { timeoutMs, err: failure },
      'stopping took too long: the process exits now; uncommitted batches will be redelivered',
    )
    process.exit(FAILED)
  }
  const timer = setTimeout(end, timeoutMs).unref()
  return () => clearTimeout(timer)
}
