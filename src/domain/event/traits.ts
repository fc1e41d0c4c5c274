import type { z } from 'zod'
import {
  hasLoneSurrogate,
  isJsonObject,
  isSameJson,
  type JsonObject,
  jsonPointer,
  numberText,
} from '../json/json.ts'
import { JsonText, type StoredValue, textOf } from '../json/stored-value.ts'
import type { Problem, Reason } from '../problem.ts'
import { traitSchemas } from './event.ts'
import { areSameNames, EventTraits } from './event-traits.ts'

export interface TraitRules {
  /** E-mail addresses and URLs must be such. */
  readonly strictFormats: boolean
  /** Traits of one event, removals included. */
  readonly maxTraits: number
  /** UTF-8 bytes. */
  readonly maxTraitNameBytes: number
  /** UTF-8 bytes of the stored form. */
  readonly maxTraitValueBytes: number
}

/**
 * Makes the function that turns the `traits` of an event to their stored forms. It reports
 * every problem it finds to `report`, in the order of precedence.
 */
export function traitsReader(
  rules: TraitRules,
): (traits: JsonObject, hasEscapes: boolean, report: (problem: Problem) => void) => EventTraits {
  const schemas = traitSchemas(rules.strictFormats)
  const textIsChecked = rules.strictFormats
  let problems: Problem[] = []
  const note = (found: Problem) => {
    problems.push(found)
  }
  let lastNames: readonly string[] = []

  return function readTraits(traits, hasEscapes, report) {
    const given = Object.keys(traits)
    // one list for all events of the same traits
    const names = areSameNames(given, lastNames) ? lastNames : given
    lastNames = names
    if (problems.length > 0) problems = []
    if (names.length > rules.maxTraits) {
      report(
        problem('too_many_traits', [], `at most ${rules.maxTraits} traits, not ${names.length}`),
      )
      return NO_TRAITS
    }
    const values = names.map((name) => readTrait(name, traits[name], hasEscapes, note))
    if (problems.length > 0) inPrecedence(problems).forEach(report)
    return new EventTraits(names, values)
  }

  function readTrait(
    name: string,
    given: unknown,
    hasEscapes: boolean,
    report: (problem: Problem) => void,
  ): StoredValue | null {
    const value = name === 'address' ? withTexts(given) : given
    if (name.trim() === '') report(invalid([name], 'the name of a trait must not be blank'))
    if (hasEscapes && (!name.isWellFormed() || hasLoneSurrogate(value))) {
      report(invalid([name], 'must be Unicode text without lone surrogates'))
    }
    if (exceedsBytes(name, rules.maxTraitNameBytes)) {
      const limit = `the name of a trait has at most ${rules.maxTraitNameBytes} bytes of UTF-8`
      report(problem('too_large', [name], limit))
    }
    if (value === null) return null
    const form = storedForm(name, value, report)
    if (exceedsBytes(textOf(form), rules.maxTraitValueBytes)) {
      const limit = `the value of a trait has at most ${rules.maxTraitValueBytes} bytes of UTF-8`
      report(problem('too_large', [name], limit))
    }
    return form
  }

  function storedForm(
    name: string,
    value: unknown,
    report: (problem: Problem) => void,
  ): StoredValue {
    const schema = schemas.get(name)
    if (schema === undefined) return typeof value === 'string' ? value : jsonText(value)
    if (name === 'address') {
      if (isPlainAddress(value)) return jsonText(value)
      if (isJsonObject(value)) {
        check(schema, value, [name], report)
        return jsonText(oneSpelling(value, report))
      }
      report(invalid([name], 'must be an object'))
      return ''
    }
    // a string is what a text schema accepts: asking zod seven times an event is what costs
    if (typeof value === 'string' && !textIsChecked) return value
    const text = numberText(value) ?? value
    check(schema, text, [name], report)
    return typeof text === 'string' ? text : ''
  }
}

const NO_TRAITS = new EventTraits([], [])

const PRECEDENCE: readonly Reason[] = ['conflicting_fields', 'invalid_trait', 'too_large']

function inPrecedence(problems: readonly Problem[]): Problem[] {
  return PRECEDENCE.flatMap((reason) => problems.filter((found) => found.reason === reason))
}

const ADDRESS_TEXTS = new Set(['city', 'country', 'postal_code', 'postalCode', 'state', 'street'])

/** All of it strings, and no `postalCode`, as nearly all are: there is nothing to ask or change. */
function isPlainAddress(value: unknown): boolean {
  if (!isJsonObject(value) || 'postalCode' in value) return false
  for (const name in value) if (typeof value[name] !== 'string') return false
  return true
}

/** An address without its nulls, numbers that stand for a text as that; all else as it came. */
function withTexts(given: unknown): unknown {
  if (isPlainAddress(given) || !isJsonObject(given)) return given
  const members = Object.entries(given).filter(([, value]) => value !== null)
  return Object.fromEntries(
    members.map(([name, value]) => [
      name,
      ADDRESS_TEXTS.has(name) ? (numberText(value) ?? value) : value,
    ]),
  )
}

/** An address with `postal_code` in the place of `postalCode`. */
function oneSpelling(address: JsonObject, report: (problem: Problem) => void): JsonObject {
  const { postal_code, postalCode } = address
  if (postalCode === undefined) return address
  if (postal_code !== undefined && !isSameJson(postal_code, postalCode)) {
    const message = 'postal_code and postalCode contradict each other; send one of them'
    report(problem('conflicting_fields', ['address', 'postal_code'], message))
  }
  const members = Object.entries(address)
  return Object.fromEntries(
    members.map(([name, value]) => [name === 'postalCode' ? 'postal_code' : name, value]),
  )
}

function check(
  schema: z.ZodType,
  value: unknown,
  path: readonly string[],
  report: (problem: Problem) => void,
): void {
  const { success, error } = schema.safeParse(value)
  if (success) return
  for (const issue of error.issues) {
    report(invalid([...path, ...issue.path.map(String)], issue.message))
  }
}

function jsonText(value: unknown): JsonText {
  return new JsonText(JSON.stringify(value))
}

/** No UTF-16 unit takes more than three bytes: short texts need no counting. */
function exceedsBytes(text: string, limit: number): boolean {
  return text.length * 3 > limit && Buffer.byteLength(text) > limit
}

function invalid(path: readonly string[], message: string): Problem {
  return problem('invalid_trait', path, message)
}

function problem(reason: Reason, path: readonly string[], message: string): Problem {
  return { reason, path: jsonPointer('traits', ...path), message }
}
