/**
 * Which clocks are allowed. A clock is the time of an event in microseconds since 1970. An event
 * with a clock far in the future would win over every other event for years, so the clock must
 * not be later than the record's own time plus `maxClockSkew`.
 */
import type { Problem, Reason } from '../problem.ts'
import { MAX_CLOCK } from './timestamp.ts'

export interface ClockRules {
  /** By how many milliseconds an event may be later than its record. */
  readonly maxClockSkewMs: number
}

/** An earlier Kafka timestamp comes from a machine whose clock was never set. */
const EARLIEST_USABLE_MS = Date.UTC(2001)

/**
 * Returns when a record was received, in milliseconds: its Kafka timestamp, or now if that
 * timestamp is unusable (-1 for none, before 2001, or itself more than the skew ahead of now).
 * The Kafka timestamp comes first so that a replay, at any later time, judges a clock the same.
 */
export function usableTime(timestampMs: number, nowMs: number, rules: ClockRules): number {
  const isUsable = timestampMs >= EARLIEST_USABLE_MS && timestampMs <= nowMs + rules.maxClockSkewMs
  return isUsable ? timestampMs : nowMs
}

/**
 * Returns what is wrong with a clock, if anything: it is undefined (the text was not a time),
 * before 1970, or later than the record was received plus the allowed skew.
 */
export function clockProblem(
  clock: number | undefined,
  receivedAtMs: number,
  rules: ClockRules,
  path: string,
): Problem | undefined {
  const problem = (reason: Reason, message: string) => ({ reason, path, message })
  if (clock === undefined) {
    const message =
      'must be an existing date-time such as 2020-11-23T22:28:55.111Z, ' +
      'or a number of seconds, milliseconds or microseconds since 1970'
    return problem('invalid_timestamp', message)
  }
  if (clock < 0) return problem('timestamp_too_early', 'must not be before 1970')
  const latest = (receivedAtMs + rules.maxClockSkewMs) * 1000 + END_OF_MILLISECOND
  if (clock > latest || clock > MAX_CLOCK) {
    const allowed = new Date(Math.min(latest, MAX_CLOCK) / 1000).toISOString()
    return problem(
      'timestamp_in_future',
      `must not be later than ${allowed}, the latest time that is allowed for this record`,
    )
  }
  return undefined
}

/**
 * Microseconds. A Kafka timestamp is in whole milliseconds, so an event is not ahead of its record
 * before that millisecond has ended.
 */
export const END_OF_MILLISECOND = 999
