/**
 * Retries through outages, with capped, jittered backoff. Heartbeats go on throughout, so that
 * this worker keeps its partitions.
 */
import { Abandoned, Unavailable } from './errors.ts'
import type { BatchContext } from './ports.ts'

export interface RetryRules extends BackoffRules {
  /** Time between heartbeats, during attempts and waits alike. */
  readonly heartbeatMs: number
  /** Resolves after that many milliseconds; rejects as soon as the signal is aborted. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<unknown>
  /** Called after every attempt that failed with an outage. */
  readonly onUnavailable: (error: Unavailable) => void
  /** Called once when an attempt succeeds after failed ones, with the latest outage. */
  readonly onAvailable: (error: Unavailable) => void
}

type Liveness = Pick<BatchContext, 'assertOwned' | 'heartbeat' | 'signal'>

/**
 * Calls `attempt` until it does not throw `Unavailable`. Before each attempt it checks that the
 * batch is still ours.
 *
 * @throws Abandoned once the context's signal is aborted, and what `assertOwned`, `heartbeat` and
 *   `attempt` throw, other than `Unavailable`
 */
export async function retryUntilAvailable<Result>(
  attempt: () => Promise<Result>,
  context: Liveness,
  rules: RetryRules,
): Promise<Result> {
  const over = new AbortController()
  try {
    return await Promise.race([
      attemptUntilAvailable(attempt, context, rules, over.signal),
      heartbeatForever(context, rules, over.signal),
    ])
  } finally {
    over.abort()
  }
}

/** @param over aborted once nobody waits for the result: the attempt in progress is the last one */
async function attemptUntilAvailable<Result>(
  attempt: () => Promise<Result>,
  context: Liveness,
  rules: RetryRules,
  over: AbortSignal,
): Promise<Result> {
  let outage: Unavailable | undefined
  for (let failures = 0; ; failures++) {
    context.assertOwned()
    try {
      const result = await attempt()
      if (outage !== undefined && !over.aborted) rules.onAvailable(outage)
      return result
    } catch (error) {
      if (!(error instanceof Unavailable) || over.aborted) throw error
      outage = error
      rules.onUnavailable(error)
    }
    await pause(backoffMs(failures, rules), AbortSignal.any([context.signal, over]), rules)
  }
}

/**
 * Never resolves. Heartbeats throughout, not only within an attempt: many short attempts can
 * outlast the session, too.
 */
async function heartbeatForever(
  context: Liveness,
  { heartbeatMs, sleep }: RetryRules,
  over: AbortSignal,
): Promise<never> {
  for (;;) {
    await sleep(heartbeatMs, over)
    await context.heartbeat()
  }
}

export interface BackoffRules {
  /** The wait before the second attempt; it doubles with each further failure. */
  readonly firstDelayMs: number
  readonly maxDelayMs: number
  /** Returns 0 to 1. Half of each wait is random, so that workers do not retry all at once. */
  readonly random: () => number
}

/** Returns how long to wait after that many failures in a row, in milliseconds. */
export function backoffMs(failures: number, rules: BackoffRules): number {
  const ceiling = Math.min(rules.maxDelayMs, rules.firstDelayMs * 2 ** Math.min(failures, 30))
  return ceiling * (0.5 + 0.5 * rules.random())
}

/** Repeats an attempt as long as a dependency is away, by rules that the caller need not know. */
export type Retry = <Result>(attempt: () => Promise<Result>) => Promise<Result>

async function pause(ms: number, signal: AbortSignal, { sleep }: RetryRules): Promise<void> {
  try {
    await sleep(ms, signal)
  } catch {
    // sleep rejects only when its signal is aborted, which is checked below
  }
  if (signal.aborted) throw new Abandoned('stopped while a dependency was away')
}
