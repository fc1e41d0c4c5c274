import { shorten } from '../short-text.ts'
import { sameDecimal } from './decimal.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/** A number whose digits a double cannot hold: kept as it was written (`JSON.rawJSON`). */
interface RawNumber {
  readonly rawJSON: string
}

// Missing in TypeScript's own library: https://github.com/tc39/proposal-json-parse-with-source
const ExactJSON = JSON as unknown as {
  rawJSON(text: string): RawNumber
  isRawJSON(value: unknown): value is RawNumber
  parse(text: string, revive: (key: string, value: unknown, from: Source) => unknown): unknown
}

interface Source {
  readonly source: string
}

/**
 * A number of up to 15 digits without an exponent is exact as a double. Only a text that may
 * hold a longer one is parsed a second time, with its numbers' sources at hand.
 */
const LONG_NUMBER = /[:,[\s]-?(?:[\d.]{16}|[\d.]+[eE])/

/**
 * The same document with every number exact: one whose double has another decimal value than
 * the text is kept as the text. The document must not be too deep: the second parse recurses.
 */
export function withExactNumbers(document: JsonObject, text: string): JsonObject {
  if (!LONG_NUMBER.test(text)) return document
  return ExactJSON.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && !isExact(value, source) ? ExactJSON.rawJSON(source) : value,
  ) as JsonObject
}

function isExact(value: number, source: string): boolean {
  const text = String(value)
  return text === source || sameDecimal(text, source)
}

/** The decimal text of a JSON number, undefined for anything else. */
export function numberText(value: unknown): string | undefined {
  if (typeof value === 'number') return JSON.stringify(value)
  return ExactJSON.isRawJSON(value) ? value.rawJSON : undefined
}

export function isJsonObject(value: unknown): value is JsonObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !ExactJSON.isRawJSON(value)
  )
}

/** Whether two JSON values are the same, the order of members included. */
export function isSameJson(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === 'object' && JSON.stringify(a) === JSON.stringify(b))
}

/** Whether a document has more than `levels` levels of objects and arrays; its own is one. */
export function isDeeperThan(document: unknown, levels: number, text: string): boolean {
  return hasMoreBrackets(text, levels) && exceeds(document, levels)
}

/** Fewer opening brackets than levels: it cannot be deeper, and nothing need be walked. */
function hasMoreBrackets(text: string, count: number): boolean {
  let seen = 0
  for (const bracket of '{[') {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      seen++
      if (seen > count) return true
    }
  }
  return false
}

function exceeds(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  return Object.values(value).some((member) => exceeds(member, levels - 1))
}

/** Whether a string anywhere in the value, names of members included, is no Unicode text. */
export function hasLoneSurrogate(value: unknown): boolean {
  if (typeof value === 'string') return !value.isWellFormed()
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(
    ([name, member]) => !name.isWellFormed() || hasLoneSurrogate(member),
  )
}

/** A JSON Pointer (RFC 6901) of the given steps, each cut to a readable length. */
export function jsonPointer(...steps: readonly string[]): string {
  const escaped = (step: string) => step.replaceAll('~', '~0').replaceAll('/', '~1')
  return steps.map((step) => `/${escaped(shorten(step, MAX_STEP_LENGTH))}`).join('')
}

const MAX_STEP_LENGTH = 256
