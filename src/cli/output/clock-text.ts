import { formatClock } from '../../domain/time/timestamp.ts'

/** Formats a clock for people: ISO 8601, without microseconds if they are 0; a dash for null. */
export function clockText(clock: number | null): string {
  return clockJson(clock)?.replace(/000Z$/, 'Z') ?? '-'
}

/** Formats a clock for programs: ISO 8601 to the microsecond; null if there is none. */
export function clockJson(clock: number | null): string | null {
  return clock === null || clock < 0 ? null : formatClock(clock)
}
