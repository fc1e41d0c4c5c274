import { describe, expect, test } from 'vitest'
import { createDecoder, type DecodeRules } from '../../../../src/domain/event/decode.ts'
import { clockProblem, usableTime } from '../../../../src/domain/time/clock-rules.ts'
import { MAX_CLOCK } from '../../../../src/domain/time/timestamp.ts'
import { DEFAULT_RULES } from '../../../setup/domain/decode-rules.ts'
import { eventText, NOW } from '../../../setup/domain/decoding.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

describe('the time at which a record was received', () => {
  test.each([
    ['its Kafka timestamp', NOW - DAY, NOW - DAY],
    ['its Kafka timestamp from 2001 on', Date.UTC(2001), Date.UTC(2001)],
    ['now if there is no Kafka timestamp', -1, NOW],
    ['now if the timestamp is 0', 0, NOW],
    ['now if the timestamp is before 2001', Date.UTC(2001) - 1, NOW],
    ['its Kafka timestamp if that is ahead by the skew', NOW + DAY, NOW + DAY],
    ['now if the timestamp is ahead by more', NOW + DAY + 1, NOW],
    ['now if the timestamp is not a number', Number.NaN, NOW],
  ])('is %s', (_what, timestamp, expected) => {
    expect(usableTime(timestamp, NOW, { maxClockSkewMs: DAY })).toBe(expected)
  })
})

describe('a clock', () => {
  const reasonOf = (clock: number | undefined, maxClockSkewMs = DAY) =>
    clockProblem(clock, NOW, { maxClockSkewMs }, '/timestamp')?.reason

  test.each([
    ['undefined is not a time', undefined, 'invalid_timestamp'],
    ['a microsecond before 1970 is too early', -1, 'timestamp_too_early'],
    ['1970 is accepted', 0, undefined],
    ['the time of the record is accepted', NOW * 1000, undefined],
    ['the time of the record plus the skew is accepted', (NOW + DAY) * 1000, undefined],
    ['the end of that millisecond is accepted', (NOW + DAY) * 1000 + 999, undefined],
    ['a later one is in the future', (NOW + DAY + 1) * 1000, 'timestamp_in_future'],
  ])('%s', (_what, clock, reason) => {
    expect(reasonOf(clock)).toBe(reason)
  })

  test('is never later than the latest clock, regardless of the skew', () => {
    expect(reasonOf(MAX_CLOCK, Number.MAX_SAFE_INTEGER)).toBeUndefined()
    expect(reasonOf(MAX_CLOCK + 1, Number.MAX_SAFE_INTEGER)).toBe('timestamp_in_future')
    expect(reasonOf(Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER)).toBe('timestamp_in_future')
  })

  test('in the future is rejected with the latest time that is allowed', () => {
    const problem = clockProblem(2 * NOW * 1000, NOW, { maxClockSkewMs: DAY }, '/timestamp')
    expect(problem?.message).toContain('2026-01-02T00:00:00')
    expect(problem?.path).toBe('/timestamp')
  })
})

describe('the clock of an event, compared with its record', () => {
  /** The reason or kind of a record with this Kafka timestamp and an event as of `clockMs`. */
  const outcome = (
    clockMs: number,
    timestamp: number | string,
    rules: Partial<DecodeRules> = {},
    nowMs = NOW,
  ) => {
    const value = Buffer.from(eventText({ timestamp: String(clockMs) }))
    const record = { offset: '0', timestamp: String(timestamp), key: null, value }
    const decoded = createDecoder({ ...DEFAULT_RULES, ...rules }).decodeRecord(record, nowMs)
    return decoded.kind === 'rejected' ? decoded.problems[0].reason : decoded.kind
  }

  test('is compared with the Kafka timestamp, not with now', () => {
    const old = NOW - 365 * DAY
    expect(outcome(old + DAY, old)).toBe('group')
    expect(outcome(old + DAY + 1, old)).toBe('timestamp_in_future')
  })

  test.each([-1, 0, Date.UTC(2000, 11, 31), NOW + DAY + 1, 9e15, ''])(
    'is compared with now if the Kafka timestamp is %s',
    (timestamp) => {
      expect(outcome(NOW + DAY, timestamp)).toBe('group')
      expect(outcome(NOW + DAY + 1, timestamp)).toBe('timestamp_in_future')
    },
  )

  test('is compared with a Kafka timestamp that is ahead within the skew', () => {
    expect(outcome(NOW + 2 * DAY, NOW + DAY)).toBe('group')
    expect(outcome(NOW + 2 * DAY + 1, NOW + DAY)).toBe('timestamp_in_future')
  })

  test('may be ahead by the configured skew', () => {
    const rules = { maxClockSkewMs: HOUR }
    expect(outcome(NOW + HOUR, NOW, rules)).toBe('group')
    expect(outcome(NOW + HOUR + 1, NOW, rules)).toBe('timestamp_in_future')
    expect(outcome(NOW, NOW, { maxClockSkewMs: 0 })).toBe('group')
    expect(outcome(NOW + 1, NOW, { maxClockSkewMs: 0 })).toBe('timestamp_in_future')
  })

  test('is judged the same at any later time, so that a replay gives the same state', () => {
    for (const clock of [NOW + DAY, NOW + DAY + 1]) {
      expect(outcome(clock, NOW, {}, NOW + 1000 * DAY)).toBe(outcome(clock, NOW))
    }
  })

  test('may be as early as 1970', () => {
    expect(outcome(0, NOW)).toBe('group')
  })
})
