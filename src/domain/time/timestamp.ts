import { parseDecimal } from '../json/decimal.ts'
import { daysInMonth, secondsSince1970 } from './calendar.ts'
import { parseIsoString } from './iso-string.ts'

/**
 * The latest clock there can be, in microseconds: the largest integer up to which a double holds
 * every integer exactly. It is in the year 2255.
 */
export const MAX_CLOCK = Number.MAX_SAFE_INTEGER

/** The forms of a date-time that are accepted; the date may still not exist, as February 30. */
export const DATE_TIME =
  /^(\d{4}|\d{2})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?:[Zz]|([+-])(\d{2})(?::?(\d{2}))?)?)?$/

/**
 * Reads a date-time of ISO 8601 / RFC 3339:
 * - with `Z`, an offset (`+05:30`, `+0530`, `+05`) or neither, which means UTC
 * - with a fraction of 1 to 9 digits, cut to microseconds
 * - without seconds, or as a bare date, which means midnight UTC
 * - with a year of two digits, which is 20YY: `20-11-23T22:28:55.111Z`
 *
 * @returns microseconds since 1970, negative before; undefined if the text has another form or
 *   the date does not exist
 */
export function parseDateTime(text: string): number | undefined {
  return parseIsoString(text) ?? parseAnyDateTime(text)
}

function parseAnyDateTime(text: string): number | undefined {
  const match = DATE_TIME.exec(text)
  if (match === null) return undefined
  const [, yearText = '', monthText, dayText, hourText, minuteText, secondText, fraction] = match
  const [sign, offsetHourText, offsetMinuteText] = match.slice(8)
  const year = Number(yearText.length === 2 ? `20${yearText}` : yearText)
  const month = Number(monthText)
  const day = Number(dayText)
  const hour = Number(hourText ?? 0)
  const minute = Number(minuteText ?? 0)
  const second = Number(secondText ?? 0)
  const offsetHour = Number(offsetHourText ?? 0)
  const offsetMinute = Number(offsetMinuteText ?? 0)
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined
  if (hour > 23 || minute > 59 || second > 59 || offsetHour > 23 || offsetMinute > 59) {
    return undefined
  }
  const offset = (offsetHour * 60 + offsetMinute) * (sign === '-' ? -60 : 60)
  const seconds = secondsSince1970(year, month, day, hour, minute, second)
  return (seconds - offset) * 1e6 + Number((fraction ?? '').padEnd(6, '0').slice(0, 6))
}

/**
 * Reads the text of a JSON number as a time since 1970: in seconds below 1e11, in milliseconds
 * below 1e14, else in microseconds. What is finer than a microsecond is cut, never rounded:
 * `1606170535.9999999` is 1606170535999999 microseconds.
 *
 * @returns microseconds; some negative number before 1970, some number above MAX_CLOCK if it is
 *   out of range; undefined if the text is not a JSON number
 */
export function parseEpoch(text: string): number | undefined {
  const decimal = parseDecimal(text)
  if (decimal === undefined) return undefined
  const { negative, digits, exponent } = decimal
  if (negative) return -1
  const wholeDigits = digits.length + exponent
  const scale = wholeDigits <= 11 ? 6 : wholeDigits <= 14 ? 3 : 0
  const length = wholeDigits + scale
  if (length > 16) return Number.POSITIVE_INFINITY
  return length <= 0 ? 0 : Number(digits.slice(0, length).padEnd(length, '0'))
}

/** Writes a clock as ISO 8601 in UTC, to the microsecond: `2020-11-23T22:28:55.111000Z`. */
export function formatClock(clock: number): string {
  const micros = String(clock % 1000).padStart(3, '0')
  return new Date(Math.floor(clock / 1000)).toISOString().replace('Z', `${micros}Z`)
}
