import { describe, expect, test } from 'vitest'
import { createDecoder, type DecodeRules } from '../../../../src/domain/event/decode.ts'
import { clockProblem, usableTime } from '../../../../src/domain/time/clock-rules.ts'
import { MAX_CLOCK } from '../../../../src/domain/time/timestamp.ts'
import { DEFAULT_RULES } from '../../../setup/decode-rules.ts'
import { eventText, NOW } from '../event/decoding.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

describe('the time of a record', () => {
  test.each([
    ['its Kafka timestamp', NOW - DAY, NOW - DAY],
    ['one of 2001', Date.UTC(2001), Date.UTC(2001)],
    ['now where it has none', -1, NOW],
    ['now where it is 0', 0, NOW],
    ['now where it is before 2001', Date.UTC(2001) - 1, NOW],
    ['its own where it is ahead by the skew', NOW + DAY, NOW + DAY],
    ['now where it is ahead by more', NOW + DAY + 1, NOW],
    ['now where it is no number', Number.NaN, NOW],
  ])('is %s', (_what, timestamp, expected) => {
    expect(usableTime(timestamp, NOW, { maxClockSkewMs: DAY })).toBe(expected)
  })
})

describe('a clock', () => {
  const reasonOf = (clock: number | undefined, maxClockSkewMs = DAY) =>
    clockProblem(clock, NOW, { maxClockSkewMs }, '/timestamp')?.reason

  test.each([
    ['undefined is no time', undefined, 'invalid_timestamp'],
    ['a microsecond before 1970 is too early', -1, 'timestamp_too_early'],
    ['1970 is fine', 0, undefined],
    ['the time of the record is fine', NOW * 1000, undefined],
    ['that and the skew is fine', (NOW + DAY) * 1000, undefined],
    ['to the end of the millisecond', (NOW + DAY) * 1000 + 999, undefined],
    ['later is in the future', (NOW + DAY + 1) * 1000, 'timestamp_in_future'],
  ])('%s', (_what, clock, reason) => {
    expect(reasonOf(clock)).toBe(reason)
  })

  test('is never over the last there is, whatever the skew', () => {
    expect(reasonOf(MAX_CLOCK, Number.MAX_SAFE_INTEGER)).toBeUndefined()
    expect(reasonOf(MAX_CLOCK + 1, Number.MAX_SAFE_INTEGER)).toBe('timestamp_in_future')
    expect(reasonOf(Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER)).toBe('timestamp_in_future')
  })

  test('in the future is told what would be allowed', () => {
    const problem = clockProblem(2 * NOW * 1000, NOW, { maxClockSkewMs: DAY }, '/timestamp')
    expect(problem?.message).toContain('2026-01-02T00:00:00')
    expect(problem?.path).toBe('/timestamp')
  })
})

describe('an event’s clock against the record that brings it', () => {
  /** The reason that a record of this Kafka timestamp with an event as of `clockMs` is given. */
  const verdict = (
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

  test('goes by the record’s Kafka timestamp, not by now', () => {
    const old = NOW - 365 * DAY
    expect(verdict(old + DAY, old)).toBe('group')
    expect(verdict(old + DAY + 1, old)).toBe('timestamp_in_future')
  })

  test.each([-1, 0, Date.UTC(2000, 11, 31), NOW + DAY + 1, 9e15, ''])(
    'goes by now where that timestamp is %s',
    (timestamp) => {
      expect(verdict(NOW + DAY, timestamp)).toBe('group')
      expect(verdict(NOW + DAY + 1, timestamp)).toBe('timestamp_in_future')
    },
  )

  test('goes by a timestamp that is ahead within the skew', () => {
    expect(verdict(NOW + 2 * DAY, NOW + DAY)).toBe('group')
    expect(verdict(NOW + 2 * DAY + 1, NOW + DAY)).toBe('timestamp_in_future')
  })

  test('has the skew that is configured', () => {
    const rules = { maxClockSkewMs: HOUR }
    expect(verdict(NOW + HOUR, NOW, rules)).toBe('group')
    expect(verdict(NOW + HOUR + 1, NOW, rules)).toBe('timestamp_in_future')
    expect(verdict(NOW, NOW, { maxClockSkewMs: 0 })).toBe('group')
    expect(verdict(NOW + 1, NOW, { maxClockSkewMs: 0 })).toBe('timestamp_in_future')
  })

  test('is the same verdict at any later time, so that a replay gives the same state', () => {
    for (const clock of [NOW + DAY, NOW + DAY + 1]) {
      expect(verdict(clock, NOW, {}, NOW + 1000 * DAY)).toBe(verdict(clock, NOW))
    }
  })

  test('may be as old as it likes', () => {
    expect(verdict(0, NOW)).toBe('group')
  })
})
