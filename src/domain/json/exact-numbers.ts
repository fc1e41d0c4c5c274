/**
 * Numbers of a JSON document, kept exactly. `JSON.parse` turns every number into a double, so
 * 9007199254740993 silently becomes …992 and 1e400 becomes Infinity. Here a number that a double
 * cannot hold is kept as its source text, and `JSON.stringify` writes that text again.
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
  parse(text: string, revive: (key: string, value: unknown, from: SourceText) => unknown): unknown
}

interface SourceText {
  readonly source: string
}

/**
 * Finds a number of 16 or more characters, or with an exponent. Any other number is exact as a
 * double. So nearly every document needs only the first, fast parse.
 */
const LONG_NUMBER = /[:,[\s]-?(?:[\d.]{16}|[\d.]+[eE])/

/**
 * Returns the document with every number exact: if the double differs from the number in
 * `text`, the number is replaced by a `RawNumber`. `document` is `JSON.parse(text)`, and must not
 * be too deep, because the second parse recurses.
 */
export function withExactNumbers<Document>(document: Document, text: string): Document {
  if (!LONG_NUMBER.test(text)) return document
  return ExactJSON.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && !isExact(value, source) ? ExactJSON.rawJSON(source) : value,
  ) as Document
}

function isExact(value: number, source: string): boolean {
  const text = String(value)
  return text === source || sameDecimal(text, source)
}

/** Returns the decimal text of a JSON number, exact or not: `250`; undefined for anything else. */
export function numberText(value: unknown): string | undefined {
  if (typeof value === 'number') return JSON.stringify(value)
  return isRawNumber(value) ? value.rawJSON : undefined
}

export function isRawNumber(value: unknown): value is RawNumber {
  return ExactJSON.isRawJSON(value)
}
