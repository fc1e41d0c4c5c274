import { describe, expect, test } from 'vitest'
import { REASON_MEANINGS, REASONS } from '../../../src/domain/problem.ts'

describe('the reasons', () => {
  test('are in the order of precedence', () => {
    expect(REASONS).toEqual([
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
    ])
  })

  test('each have a meaning of their own, in sentences', () => {
    const meanings = REASONS.map((reason) => REASON_MEANINGS[reason])
    for (const meaning of meanings) expect(meaning).toMatch(/^[A-Z].{20,}\.$/)
    expect(new Set(meanings).size).toBe(REASONS.length)
  })
})
