import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  formatClock,
  MAX_CLOCK,
  parseDateTime,
  parseEpoch,
} from '../../src/domain/time/timestamp.ts'
import { numberSource } from './documents.ts'
import { SCALE, scaled } from './exact-decimals.ts'

const two = (number: number) => String(number).padStart(2, '0')

/** The fields of a date-time; most of these dates exist. */
const parts = fc.record({
  year: fc.integer({ min: 0, max: 9999 }),
  isShort: fc.boolean(),
  month: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 12 }) }, fc.nat(99)),
  day: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 31 }) }, fc.nat(99)),
  time: fc.option(
    fc.record({
      separator: fc.constantFrom('T', 't', ' '),
      hour: fc.oneof({ weight: 9, arbitrary: fc.nat(23) }, fc.nat(99)),
      minute: fc.oneof({ weight: 9, arbitrary: fc.nat(59) }, fc.nat(99)),
      second: fc.option(fc.oneof({ weight: 9, arbitrary: fc.nat(59) }, fc.nat(99))),
      decimalPoint: fc.constantFrom('.', ','),
      fraction: fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 9 }),
      offset: fc.oneof(
        fc.constantFrom('Z', 'z', ''),
        fc.record({
          sign: fc.constantFrom('+', '-'),
          hour: fc.oneof({ weight: 9, arbitrary: fc.nat(23) }, fc.nat(99)),
          minute: fc.option(fc.oneof({ weight: 9, arbitrary: fc.nat(59) }, fc.nat(99))),
          colon: fc.constantFrom(':', ''),
        }),
      ),
    }),
    { freq: 9 },
  ),
})

type Parts = typeof parts extends fc.Arbitrary<infer Value> ? Value : never

function format({ year, isShort, month, day, time }: Parts): string {
  const yearText = isShort ? two(year % 100) : String(year).padStart(4, '0')
  const date = `${yearText}-${two(month)}-${two(day)}`
  if (time === null) return date
  const { separator, hour, minute, second, decimalPoint, fraction, offset } = time
  const seconds = second === null ? '' : `:${two(second)}${fraction && decimalPoint + fraction}`
  return `${date}${separator}${two(hour)}:${two(minute)}${seconds}${formatOffset(offset)}`
}

function formatOffset(offset: NonNullable<Parts['time']>['offset']): string {
  if (typeof offset === 'string') return offset
  const { sign, hour, minute, colon } = offset
  return sign + two(hour) + (minute === null ? '' : colon + two(minute))
}

/** The clock, computed slowly: counts the days of every year and month since the year 0. */
function clockByCounting({ year: given, isShort, month, day, time }: Parts): bigint | undefined {
  const year = isShort ? 2000 + (given % 100) : given
  const { hour, minute, second, fraction, offset } = time ?? {
    hour: 0,
    minute: 0,
    second: null,
    fraction: '',
    offset: '',
  }
  const zone = typeof offset === 'string' ? { sign: '+', hour: 0, minute: 0 } : offset
  const exists =
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= (lengths(year)[month - 1] ?? 0) &&
    hour < 24 &&
    minute < 60 &&
    (second ?? 0) < 60 &&
    zone.hour < 24 &&
    (zone.minute ?? 0) < 60
  if (!exists) return undefined
  const days = daysTo(year, month, day) - daysTo(1970, 1, 1)
  const minutes = days * 1440 + hour * 60 + minute
  const zoneMinutes = (zone.hour * 60 + (zone.minute ?? 0)) * (zone.sign === '-' ? -1 : 1)
  const seconds = BigInt(minutes - zoneMinutes) * 60n + BigInt(second ?? 0)
  const micros = second === null ? '' : fraction
  return seconds * 1_000_000n + BigInt(micros.slice(0, 6).padEnd(6, '0'))
}

const isLeap = (year: number) => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
const lengths = (year: number) => [
  31,
  isLeap(year) ? 29 : 28,
  31,
  30,
  31,
  30,
  31,
  31,
  30,
  31,
  30,
  31,
]

function daysTo(year: number, month: number, day: number): number {
  let days = day
  for (let earlier = 0; earlier < year; earlier++) days += isLeap(earlier) ? 366 : 365
  for (const length of lengths(year).slice(0, month - 1)) days += length
  return days
}

describe('a date-time', () => {
  test('is parsed to the clock that counting days and seconds gives; undefined if it does not exist', () => {
    fc.assert(
      fc.property(parts, (given) => {
        const expected = clockByCounting(given)
        const clock = parseDateTime(format(given))
        if (expected === undefined) expect(clock).toBeUndefined()
        else if (expected <= BigInt(MAX_CLOCK)) expect(clock).toBe(Number(expected))
        else expect(clock).toBeGreaterThan(MAX_CLOCK)
      }),
      { numRuns: 3000 },
    )
  })

  test('in the common form is parsed as Date does', () => {
    const dates = fc.date({
      min: new Date('0000-01-01'),
      max: new Date('9999-12-31T23:59:59.999Z'),
      noInvalidDate: true,
    })
    fc.assert(
      fc.property(dates, (date) => {
        const clock = parseDateTime(date.toISOString()) ?? Number.NaN
        if (Math.abs(clock) <= MAX_CLOCK) expect(clock).toBe(date.getTime() * 1000)
        else expect(clock / 1000).toBeCloseTo(date.getTime(), -1)
      }),
      { numRuns: 3000 },
    )
  })

  test('with one character changed is another date-time, or invalid', () => {
    fc.assert(
      fc.property(parts, fc.nat(), fc.string({ maxLength: 1 }), (given, at, character) => {
        const text = format(given)
        const cut = at % (text.length + 1)
        const changed = text.slice(0, cut) + character + text.slice(cut + 1)
        const clock = parseDateTime(changed)
        if (clock === undefined) return
        expect(changed).toMatch(/^[\d]{2,4}-\d\d-\d\d([Tt ]\d\d:\d\d[\d:.,+\-Zz]*)?$/)
        expect(Number.isInteger(clock)).toBe(true)
      }),
      { numRuns: 3000 },
    )
  })

  test('is never parsed from digits alone', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789.') }), (text) => {
        expect(parseDateTime(text)).toBeUndefined()
      }),
    )
  })

  test('formatted from a clock is parsed to that clock', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: MAX_CLOCK }), (clock) => {
        expect(parseDateTime(formatClock(clock))).toBe(clock)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('a number of seconds, milliseconds or microseconds since 1970', () => {
  /** The microseconds, by exact arithmetic. */
  function micros(source: string): bigint {
    const value = scaled(source)
    if (value < 100_000_000_000n * SCALE) return (value * 1_000_000n) / SCALE
    if (value < 100_000_000_000_000n * SCALE) return (value * 1000n) / SCALE
    return value / SCALE
  }

  const time = fc.oneof(
    numberSource,
    fc
      .tuple(fc.bigInt({ min: 0n, max: 10n ** 17n }), fc.nat({ max: 999999999 }))
      .map(([whole, fraction]) => `${whole}.${fraction}`),
    fc
      .tuple(
        fc.constantFrom(
          100_000_000_000n,
          100_000_000_000_000n,
          9007199254740992n,
          9007199254n,
          9007199254740n,
        ),
        fc.integer({ min: -2, max: 2 }),
      )
      .map(([limit, distance]) => String(limit + BigInt(distance))),
  )

  test('is parsed exactly and cut to microseconds', () => {
    fc.assert(
      fc.property(time, (source) => {
        const clock = parseEpoch(source) ?? Number.NaN
        if (source.startsWith('-')) {
          const isZero = /^-[0.]+(e|$)/i.test(source)
          expect(clock).toBe(isZero ? 0 : -1)
          return
        }
        const expected = micros(source)
        if (expected <= BigInt(MAX_CLOCK)) expect(clock).toBe(Number(expected))
        else expect(clock).toBeGreaterThan(MAX_CLOCK)
      }),
      { numRuns: 3000 },
    )
  })
})
