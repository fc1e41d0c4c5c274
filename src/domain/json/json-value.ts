/** JSON values as `withExactNumbers` returns them: a number may be a `RawNumber`. */
import { isRawNumber } from './exact-numbers.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/** Whether the value is a JSON object; arrays, null and raw numbers are not. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value)
}

/** Whether two JSON values are equal, including the order of their members. */
export function isSameJson(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === 'object' && JSON.stringify(a) === JSON.stringify(b))
}

/**
 * Whether any string in the value, names of members included, has a lone surrogate (half of a
 * UTF-16 pair). Such a string has no UTF-8 form: two different ones could become the same bytes.
 */
export function hasLoneSurrogate(value: unknown): boolean {
  if (typeof value === 'string') return !value.isWellFormed()
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(
    ([name, member]) => !name.isWellFormed() || hasLoneSurrogate(member),
  )
}
