import { formatClock } from '../../domain/time/timestamp.ts'

/** A clock for people: ISO 8601, to the millisecond where it has no more; a dash for none. */
export function clockText(clock: number | null): string {
  return clockJson(clock)?.replace(/000Z$/, 'Z') ?? '-'
}

/** A clock for programs: ISO 8601 to the microsecond; null for none. */
export function clockJson(clock: number | null): string | null {
  return clock === null || clock < 0 ? null : formatClock(clock)
}
