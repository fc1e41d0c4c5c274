/** Why a record is rejected, in the order of precedence, with what it means for a producer. */
export const REASON_MEANINGS = {
  empty_value: 'The record has no value. To erase a group, a null value needs the erasing header.',
  too_large: 'The event, the name of a trait or the value of a trait is over its limit.',
  not_utf8: 'The value is not UTF-8.',
  not_json: 'The value is not JSON.',
  not_object: 'The value is JSON, but not an object.',
  too_deep: 'The event has more levels of objects and arrays than are allowed.',
  conflicting_fields: 'A field is given in both spellings, and they differ.',
  missing_field: 'A field that is required is absent or null.',
  invalid_field: 'A field, or the key of an erasure, has a value that is not allowed.',
  too_many_traits: 'The event has more traits than are allowed, removals included.',
  invalid_trait: 'A trait has a value that is not allowed, or its name is blank.',
  invalid_timestamp: 'The time is no date-time that exists, and no number.',
  timestamp_too_early: 'The time is before 1970.',
  timestamp_in_future:
    'The time is later than the record was received, by more than the skew that is allowed. The event can be sent again later.',
  state_conflict: 'The group cannot be written: something foreign stands at its name in Redis.',
  skipped: 'An operator skipped the record by hand.',
} as const

export type Reason = keyof typeof REASON_MEANINGS

/** Why a record is rejected, in the order of precedence. */
export const REASONS = Object.keys(REASON_MEANINGS) as readonly Reason[]

export interface Problem {
  readonly reason: Reason
  /** A JSON Pointer (RFC 6901) into the event; `/$key` is the record's key, '' the whole. */
  readonly path: string
  /** For people: what is wrong, and what would be right. Never a value of a trait. */
  readonly message: string
}

export interface Rejected {
  readonly kind: 'rejected'
  /** In order of precedence: the first is the reason. */
  readonly problems: readonly [Problem, ...Problem[]]
}

/** The rejection for the problems that were found, if any. */
export function rejectedFor([first, ...others]: readonly Problem[]): Rejected | undefined {
  return first && { kind: 'rejected', problems: [first, ...others] }
}
