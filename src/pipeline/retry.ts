/**
 * Waiting out an outage: the same attempt again and again, with capped, jittered backoff, and
 * heartbeats all along, so that the partitions stay with this worker.
 */
import { Abandoned, Unavailable } from './errors.ts'
import type { BatchContext } from './ports.ts'

export interface RetryRules extends BackoffRules {
  /** Time between heartbeats while an attempt or a wait goes on. */
  readonly heartbeatMs: number
  /** Resolves after so many milliseconds; rejects where the signal ends it before. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<unknown>
  /** Told of every failed attempt. */
  readonly onUnavailable: (error: Unavailable) => void
  /** Told once an attempt succeeds after failed ones. */
  readonly onAvailable: (error: Unavailable) => void
}

type Liveness = Pick<BatchContext, 'assertOwned' | 'heartbeat' | 'signal'>

/**
 * Calls `attempt` until it succeeds, each time only while the context holds.
 *
 * @throws Abandoned where the context ends; what `heartbeat` throws; and whatever `attempt` throws
 *   that is no `Unavailable`
 */
export async function waitOut<Result>(
  attempt: () => Promise<Result>,
  context: Liveness,
  rules: RetryRules,
): Promise<Result> {
  const over = new AbortController()
  try {
    return await Promise.race([
      succeed(attempt, context, rules, over.signal),
      beat(context, rules, over.signal),
    ])
  } finally {
    over.abort()
  }
}

/** @param over aborted once nobody waits for it any more: then an attempt is the last one */
async function succeed<Result>(
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

/** Through all attempts and pauses: many short ones are as long as one. Never resolves. */
async function beat(
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
  /** The wait before the second attempt; doubled for each further one. */
  readonly firstDelayMs: number
  readonly maxDelayMs: number
  /** From 0 to 1: half of each wait is left to chance, so that workers don't come all at once. */
  readonly random: () => number
}

/** The wait after so many failures in a row, in milliseconds. */
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
    // the only failure of a sleep is that its signal ended it; asked below, for both cases
  }
  if (signal.aborted) throw new Abandoned('stopped while a dependency was away')
}
