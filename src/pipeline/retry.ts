/**
 * Waiting out an outage: the same attempt again and again, with capped, jittered backoff, and
 * heartbeats all along, so that the partitions stay with this worker.
 */
import { Abandoned, Unavailable } from './outage.ts'
import type { BatchLease } from './ports.ts'

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

type Liveness = Pick<BatchLease, 'heartbeat' | 'signal'>

/**
 * Calls `attempt` until it succeeds.
 *
 * @throws Abandoned where the lease ends while the dependency is away; what `heartbeat` throws;
 *   and whatever `attempt` throws that is no `Unavailable`
 */
export async function waitOut<Result>(
  attempt: () => Promise<Result>,
  lease: Liveness,
  rules: RetryRules,
): Promise<Result> {
  let outage: Unavailable | undefined
  for (let failures = 0; ; failures++) {
    try {
      const result = await withHeartbeats(attempt(), lease, rules)
      if (outage !== undefined) rules.onAvailable(outage)
      return result
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      outage = error
      rules.onUnavailable(error)
    }
    await withHeartbeats(pause(backoffMs(failures, rules), lease.signal, rules), lease, rules)
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

async function pause(ms: number, signal: AbortSignal, { sleep }: RetryRules): Promise<void> {
  try {
    await sleep(ms, signal)
  } catch {
    // the only failure of a sleep is that its signal ended it; asked below, for both cases
  }
  if (signal.aborted) throw new Abandoned('stopped while a dependency was away')
}

async function withHeartbeats<Result>(
  work: Promise<Result>,
  lease: Liveness,
  { heartbeatMs, sleep }: RetryRules,
): Promise<Result> {
  const done = new AbortController()
  const beat = async (): Promise<never> => {
    for (;;) {
      await sleep(heartbeatMs, done.signal)
      await lease.heartbeat()
    }
  }
  const settled = work.finally(() => done.abort())
  try {
    return await Promise.race([settled, beat()])
  } catch (error) {
    // ended by `settled`, which then says how it came out; else the heartbeat failed, and
    // nobody will look at the work again
    if (done.signal.aborted) return await settled
    settled.catch(() => {})
    throw error
  }
}
