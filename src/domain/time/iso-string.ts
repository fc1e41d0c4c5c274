import { daysInMonth, secondsSince1970 } from './calendar.ts'

/**
 * Reads the form that JavaScript's `toISOString` writes, `2020-11-23T22:28:55.111Z`. Nearly every
 * producer sends it. Reading it digit by digit takes 60 ns; the regular expression for all forms
 * takes 500.
 *
 * @returns microseconds since 1970, negative before; undefined if the text has another form or
 *   the date does not exist
 */
export function parseIsoString(text: string): number | undefined {
  if (text.length !== 24 || text.charCodeAt(23) !== Z) return undefined
  if (text.charCodeAt(4) !== HYPHEN || text.charCodeAt(7) !== HYPHEN) return undefined
  if (text.charCodeAt(10) !== T || text.charCodeAt(19) !== POINT) return undefined
  if (text.charCodeAt(13) !== COLON || text.charCodeAt(16) !== COLON) return undefined
  const year = 100 * twoDigits(text, 0) + twoDigits(text, 2)
  const month = twoDigits(text, 5)
  const day = twoDigits(text, 8)
  const hour = twoDigits(text, 11)
  const minute = twoDigits(text, 14)
  const second = twoDigits(text, 17)
  const milli = 10 * twoDigits(text, 20) + digit(text, 22)
  // a character that is not a digit makes its number NaN, for which every comparison is false
  if (!(year >= 0 && hour <= 23 && minute <= 59 && second <= 59 && milli >= 0)) return undefined
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month))) return undefined
  return secondsSince1970(year, month, day, hour, minute, second) * 1e6 + milli * 1000
}

const ZERO = 48
const HYPHEN = 45
const POINT = 46
const COLON = 58
const T = 84
const Z = 90

function twoDigits(text: string, at: number): number {
  return 10 * digit(text, at) + digit(text, at + 1)
}

/** NaN if the character is not a digit. */
function digit(text: string, at: number): number {
  const value = text.charCodeAt(at) - ZERO
  return value >= 0 && value <= 9 ? value : Number.NaN
}
