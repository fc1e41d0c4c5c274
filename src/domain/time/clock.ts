import type { Problem, Reason } from '../problem.ts'
import { MAX_CLOCK } from './timestamp.ts'

export interface ClockRules {
  /** How far an event's time may lie ahead of its record's, in milliseconds. */
  readonly maxClockSkewMs: number
}

/** 2001: an earlier record time is a clock that was never set. */
const EARLIEST_USABLE_MS = Date.UTC(2001)

/**
 * The time that a record was received at, in milliseconds: its Kafka timestamp, or now where
 * that is none to go by (none given, before 2001, or itself far in the future).
 */
export function usableTime(timestampMs: number, nowMs: number, rules: ClockRules): number {
  const isUsable = timestampMs >= EARLIEST_USABLE_MS && timestampMs <= nowMs + rules.maxClockSkewMs
  return isUsable ? timestampMs : nowMs
}

/**
 * What is wrong with a clock, if anything: one wrong clock far ahead would freeze a trait for
 * years, so it must not be later than the record was received, but for the skew.
 */
export function clockProblem(
  clock: number | undefined,
  receivedAtMs: number,
  rules: ClockRules,
  path: string,
): Problem | undefined {
  const problem = (reason: Reason, message: string) => ({ reason, path, message })
  if (clock === undefined) {
    const message = 'must be a date-time that exists, such as 2020-11-23T22:28:55.111Z'
    return problem('invalid_timestamp', message)
  }
  if (clock < 0) return problem('timestamp_too_early', 'must not be before 1970')
  const latest = (receivedAtMs + rules.maxClockSkewMs) * 1000 + END_OF_MILLISECOND
  if (clock > latest || clock > MAX_CLOCK) {
    const allowed = new Date(Math.min(latest, MAX_CLOCK) / 1000).toISOString()
    return problem('timestamp_in_future', `must not be later than ${allowed} for this record`)
  }
  return undefined
}

/** Kafka tells times to the millisecond; an event of the same one is not ahead of it. */
export const END_OF_MILLISECOND = 999
