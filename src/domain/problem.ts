/** Why a record is rejected, in the order of precedence. */
export const REASONS = [
  'empty_value',
  'too_large',
  'not_utf8',
  'not_json',
  'not_object',
  'too_deep',
  'conflicting_fields',
  'missing_field',
  'invalid_field',
  'too_many_traits',
  'invalid_trait',
  'invalid_timestamp',
  'timestamp_too_early',
  'timestamp_in_future',
  'state_conflict',
  'skipped',
] as const

export type Reason = (typeof REASONS)[number]

export interface Problem {
  readonly reason: Reason
  /** A JSON Pointer (RFC 6901) into the event; `/$key` is the record's key, '' the whole. */
  readonly path: string
  /** For people: what is wrong, and what would be right. Never a value of a trait. */
  readonly message: string
}
