/**
 * Numbers of a JSON document, kept exactly. A double turns 9007199254740993 into …992 and 1e400
 * into Infinity, silently. Here a number that a double cannot hold is kept as its source text, and
 * `JSON.stringify` writes that text again.
 */
import { sameDecimal } from './decimal.ts'

/** A number that a double cannot hold, as its source text (made by `JSON.rawJSON`). */
export interface RawNumber {
  readonly rawJSON: string
}

// Missing in TypeScript's own library: https://github.com/tc39/proposal-json-parse-with-source
const ExactJSON = JSON as unknown as {
  rawJSON(text: string): RawNumber
  isRawJSON(value: unknown): value is RawNumber
}

/**
 * Finds a number of 16 or more characters, or with an exponent. Any other number is exact as a
 * double.
 */
const LONG_NUMBER = /(?:^|[:,[\s])-?(?:[\d.]{16}|[\d.]+[eE])/

/** Whether the document may have a number that a double cannot hold: a fast, rough check. */
export function mayLoseDigits(text: string): boolean {
  return LONG_NUMBER.test(text)
}

/** Returns the number that a JSON number stands for: a double if that has the same value. */
export function exactNumber(source: string): number | RawNumber {
  const value = Number(source)
  const text = String(value)
  if (text === source) return value
  const isExact = Number.isFinite(value) && sameDecimal(text, source)
  return isExact ? value : ExactJSON.rawJSON(source)
}

/** Returns the decimal text of a JSON number, exact or not: `250`; undefined for anything else. */
export function numberText(value: unknown): string | undefined {
  if (typeof value === 'number') return JSON.stringify(value)
  return isRawNumber(value) ? value.rawJSON : undefined
}

export function isRawNumber(value: unknown): value is RawNumber {
  return ExactJSON.isRawJSON(value)
}
