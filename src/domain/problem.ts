/** Why records are rejected: the reason codes are part of the contract with producers. */

/** Each reason with its meaning for producers, in the order of precedence. */
export const REASON_MEANINGS = {
  empty_value:
    'The record has no value. To erase a group, send a null value with the header `group-traits.erase`.',
  too_large: 'The event, the name of a trait or the value of a trait is larger than its limit.',
  not_utf8: 'The value is not valid UTF-8.',
  not_json: 'The value is not valid JSON.',
  not_object: 'The value is JSON, but not an object.',
  too_deep: 'The event nests objects and arrays deeper than the limit.',
  conflicting_fields: 'A field is given in both spellings, with different values.',
  missing_field: 'A required field is absent or null.',
  invalid_field: 'A field, or the key of an erasure, has a value that is not allowed.',
  too_many_traits: 'The event has more traits than the limit, removals included.',
  invalid_trait: 'A trait has a value or a name that is not allowed.',
  invalid_timestamp: 'The time is neither an existing date-time nor a number.',
  timestamp_too_early: 'The time is before 1970.',
  timestamp_in_future:
    'The time is later than the record was received, by more than the allowed clock skew. The event can be sent again later.',
  state_conflict:
    'The group cannot be written: one of its keys in Redis has the wrong type or malformed content.',
  skipped: 'An operator skipped the record.',
} as const

export type Reason = keyof typeof REASON_MEANINGS

/** The reasons, in the order of precedence. */
export const REASONS = Object.keys(REASON_MEANINGS) as readonly Reason[]

export interface Problem {
  readonly reason: Reason
  /**
   * JSON Pointer (RFC 6901) of the value in the event: `/traits/address/city`. `/$key` is the
   * record's key, `/$headers/…` one of its headers, '' the whole record.
   */
  readonly path: string
  /** Says to people what is wrong and what is expected. Never quotes the value of a trait. */
  readonly message: string
}

export interface Rejected {
  readonly kind: 'rejected'
  /** In the order of precedence. The first one goes into the header of the dead letter. */
  readonly problems: readonly [Problem, ...Problem[]]
}

/** Returns the rejection for these problems; undefined if there are none. */
export function rejectedFor([first, ...others]: readonly Problem[]): Rejected | undefined {
  return first && { kind: 'rejected', problems: [first, ...others] }
}
