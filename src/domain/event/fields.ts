import type { z } from 'zod'
import { isJsonObject, isSameJson, type JsonObject, jsonPointer, numberText } from '../json/json.ts'
import type { Problem } from '../problem.ts'
import { type ClockRules, clockProblem } from '../time/clock.ts'
import { parseDateTime, parseEpoch } from '../time/timestamp.ts'
import { fieldSchemas, idSchema } from './event.ts'

type Report = (problem: Problem) => void
type Fields = typeof fieldSchemas

/** A `null` counts as absent. */
export function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null
}

/** The value of a field by its schema; undefined where it is absent or wrong. */
export function readField<Name extends keyof Fields>(
  document: JsonObject,
  name: Name,
  isOptional: boolean,
  report: Report,
): z.output<Fields[Name]> | undefined {
  const value = document[name]
  if (!isPresent(value)) {
    if (!isOptional) reportMissing(name, report)
    return undefined
  }
  const schema: z.ZodType = fieldSchemas[name]
  // all that zod would look at, in a tenth of the time
  if (schema === fieldSchemas.traits && isJsonObject(value)) return value as z.output<Fields[Name]>
  const result = schema.safeParse(value)
  if (result.success) return result.data as z.output<Fields[Name]>
  reportInvalid(name, result.error, report)
  return undefined
}

/**
 * An id in either spelling. Both are fine as long as they agree; a safe integer is taken as
 * its decimal text. One that may be absent may be empty, as RudderStack's SDKs write it.
 *
 * @returns '' where it is wrong, null where it is absent
 */
export function readId<MayBeAbsent extends boolean>(
  document: JsonObject,
  name: string,
  otherName: string,
  mayBeAbsent: MayBeAbsent,
  report: Report,
): MayBeAbsent extends true ? string | null : string
export function readId(
  document: JsonObject,
  name: string,
  otherName: string,
  mayBeAbsent: boolean,
  report: Report,
): string | null {
  const own = idText(document[name])
  const other = idText(document[otherName])
  if (isPresent(own) && isPresent(other) && !isSameJson(own, other)) {
    const message = `${name} and ${otherName} contradict each other; send one of them`
    report({ reason: 'conflicting_fields', path: jsonPointer(name), message })
    return ''
  }
  const value = own ?? other
  if (!isPresent(value)) {
    if (!mayBeAbsent) reportMissing(name, report)
    return null
  }
  if (value === '' && mayBeAbsent) return null
  if (isPlainId(value)) return value
  // zod measures whatever has a length, be it an object made to throw
  const result = idSchema.safeParse(typeof value === 'string' ? value : undefined)
  if (result.success) return result.data
  reportInvalid(isPresent(own) ? name : otherName, result.error, report)
  return ''
}

/** The clock of an event in microseconds, 0 where it is wrong. */
export function readClock(
  document: JsonObject,
  receivedAtMs: number,
  rules: ClockRules,
  report: Report,
): number {
  const { timestamp } = document
  if (!isPresent(timestamp)) {
    reportMissing('timestamp', report)
    return 0
  }
  const number = numberText(timestamp)
  const clock =
    number !== undefined
      ? parseEpoch(number)
      : typeof timestamp === 'string'
        ? parseDateTime(timestamp)
        : undefined
  const problem = clockProblem(clock, receivedAtMs, rules, '/timestamp')
  if (problem !== undefined) report(problem)
  return clock ?? 0
}

function idText(value: unknown): unknown {
  const text = numberText(value)
  return text !== undefined && /^-?\d+$/.test(text) && Number.isSafeInteger(Number(text))
    ? text
    : value
}

/** Printable ASCII without blanks: nearly every id there is, and no schema need be asked. */
const PLAIN_ID = /^[!-~]{1,64}$/

function isPlainId(value: unknown): value is string {
  return typeof value === 'string' && PLAIN_ID.test(value)
}

function reportMissing(name: string, report: Report): void {
  report({ reason: 'missing_field', path: jsonPointer(name), message: `${name} is missing` })
}

function reportInvalid(name: string, error: z.ZodError, report: Report): void {
  const message = error.issues[0]?.message ?? 'is invalid'
  report({ reason: 'invalid_field', path: jsonPointer(name), message })
}
