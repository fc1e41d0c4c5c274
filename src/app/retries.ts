import { setTimeout as sleep } from 'node:timers/promises'
import { Abandoned, type Dependency } from '../pipeline/errors.ts'
import { type RetryRules, retryUntilAvailable } from '../pipeline/retry.ts'
import { untilAborted } from './life-cycle.ts'
import type { OutageBoard, OutageSource } from './outage-board.ts'

/** Returns rules that retry during an outage and report it to the board. */
export function retryRules(
  outages: OutageBoard,
  source: OutageSource,
  sessionTimeoutMs: number,
): RetryRules {
  return {
    firstDelayMs: 100,
    maxDelayMs: 3000,
    heartbeatMs: sessionTimeoutMs / 10,
    random: Math.random,
    sleep: (ms, signal) => sleep(ms, undefined, { signal }),
    onUnavailable: ({ dependency, message }) => outages.away(dependency, source, message),
    onAvailable: ({ dependency }) => outages.back(dependency, source),
  }
}

/**
 * Retries `attempt` until it succeeds. Returns early once the signal is aborted.
 *
 * @param dependency that `attempt` needs; an attempt that hangs is reported to the board, too
 * @throws what `attempt` throws, except Unavailable
 */
export async function retryAtStart(
  dependency: Dependency,
  attempt: () => Promise<void>,
  outages: OutageBoard,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return
  const rules = retryRules(outages, 'start', NO_SESSION_MS)
  const startedMs = performance.now()
  const onUnavailable: RetryRules['onUnavailable'] = (error) => {
    if (performance.now() - startedMs >= SETTLING_MS) rules.onUnavailable(error)
  }
  // Nothing is consumed yet, so there is no partition to lose and no session to keep alive.
  const context = { signal, assertOwned: () => {}, heartbeat: async () => {} }
  const reportHanging = () => {
    if (!signal.aborted) outages.away(dependency, 'start', NO_ANSWER)
  }
  const watchedAttempt = async () => {
    const timer = setTimeout(reportHanging, HANGING_MS)
    try {
      await attempt()
    } finally {
      clearTimeout(timer)
    }
  }
  try {
    // An attempt may hang for longer than the shutdown timeout.
    await Promise.race([
      retryUntilAvailable(watchedAttempt, context, { ...rules, onUnavailable }),
      untilAborted(signal),
    ])
    if (!signal.aborted) outages.back(dependency, 'start')
  } catch (error) {
    if (!(error instanceof Abandoned)) throw error
  }
}

/** A broker that has just started rejects its first requests about groups. That is no outage. */
const SETTLING_MS = 1500
/** An attempt itself fails much later: after the connection and the request timeouts. */
const HANGING_MS = 5000
const NO_ANSWER = 'no answer yet: check the address, and whether the server expects TLS'
const NO_SESSION_MS = 30_000
