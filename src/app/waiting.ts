import { setTimeout as sleep } from 'node:timers/promises'
import { Abandoned, type Dependency } from '../pipeline/errors.ts'
import { type RetryRules, retryUntilAvailable } from '../pipeline/retry.ts'
import { untilAborted } from './life-cycle.ts'
import type { OutageBoard, Source } from './outage-board.ts'

/** How outages are waited out, each told to the board. */
export function retryRules(
  outages: OutageBoard,
  source: Source,
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
 * Calls `attempt` until it succeeds, or until the signal: then there is nothing to wait for.
 *
 * @param dependency that the attempt is about: one that hangs is told to the board, too
 */
export async function waitAtStart(
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
  const nobodyToTell = { signal, assertOwned: () => {}, heartbeat: async () => {} }
  const tellOfHanging = () => {
    if (!signal.aborted) outages.away(dependency, 'start', NO_ANSWER)
  }
  const watched = async () => {
    const hanging = setTimeout(tellOfHanging, HANGING_MS)
    try {
      await attempt()
    } finally {
      clearTimeout(hanging)
    }
  }
  try {
    // an attempt may hang for longer than a stop may take
    await Promise.race([
      retryUntilAvailable(watched, nobodyToTell, { ...rules, onUnavailable }),
      untilAborted(signal),
    ])
    if (!signal.aborted) outages.back(dependency, 'start')
  } catch (error) {
    if (!(error instanceof Abandoned)) throw error
  }
}

/** A broker that has just started refuses its first requests about groups: no outage yet. */
const SETTLING_MS = 1500
/** An attempt gives up by itself much later: after the time-outs of connection and answer. */
const HANGING_MS = 5000
const NO_ANSWER =
  'no answer yet: is the address right, and does it take TLS, or none, as it is set?'
const NO_SESSION_MS = 30_000
