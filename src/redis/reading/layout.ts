/**
 * Parses what the keys of a group and of a user hold:
 *
 *     group:{ID}:clock    trait → clock field; '' → header
 *       clock field       clock digits, then nothing: string | 'j': JSON | 'x': removed
 *       header            clock digits of the latest clock of all
 *                         [ clock digits of erased at, if the group was ever erased ]
 *       clock digits      16 decimal digits: microseconds since 1970, at most 2^53 - 1
 *     group:{ID}:members, :left and user:{ID}:groups, :left
 *                         sorted sets; a score is a clock in microseconds
 *
 * Any of the keys may also hold what another program wrote: text that is not of this form is parsed
 * as `null`. `lua/clock.lua` accepts and rejects the same clock fields and headers; a group with a
 * malformed one cannot be written.
 */
import type { Form } from '../../domain/json/stored-value.ts'
import type { Membership } from '../../domain/merge/memberships.ts'
import { NEVER } from '../../domain/merge/merge.ts'

export interface ClockField {
  /** Microseconds. */
  readonly clock: number
  readonly form: Form
}

export interface Header {
  /** Microseconds. */
  readonly latest: number
  /** Microseconds; `NEVER` (-1) if the group was never erased. */
  readonly erasedAt: number
}

export function parseClockField(text: string): ClockField | null {
  const [, digits = '', form = ''] = /^(\d{16})([jx]?)$/.exec(text) ?? []
  const clock = parseClock(digits)
  return clock === null ? null : { clock, form: form as Form }
}

export function parseHeader(text: string): Header | null {
  const [, latestDigits = '', erasedDigits] = /^(\d{16})(\d{16})?$/.exec(text) ?? []
  const latest = parseClock(latestDigits)
  const erasedAt = erasedDigits === undefined ? NEVER : parseClock(erasedDigits)
  return latest === null || erasedAt === null ? null : { latest, erasedAt }
}

/** Parses clock digits, or the score of a sorted set: microseconds. */
export function parseClock(text: string): number | null {
  const clock = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(clock) ? clock : null
}

/** A membership as Redis holds it; `null`: none; a text: what is wrong with it. */
export type StoredMembership = Membership | string | null

/**
 * Parses the scores of one id in two sorted sets.
 *
 * @param joined the score in `:members` or `:groups`; null if it is not in there
 * @param left the score in `:left`
 */
export function parseMembership(joined: string | null, left: string | null): StoredMembership {
  if (joined !== null && left !== null) return 'both a member and one who left'
  const score = joined ?? left
  if (score === null) return null
  const clock = parseClock(score)
  return clock === null
    ? `a score of ${score}, which is no time`
    : { clock, member: joined !== null }
}

/** Splits a flat reply of Redis: name, value, name, value, … */
export function pairsOf<Item>(flat: readonly Item[]): [first: Item, second: Item][] {
  const pairs: [Item, Item][] = []
  for (let i = 0; i < flat.length; i += 2) pairs.push([flat[i]!, flat[i + 1]!])
  return pairs
}
