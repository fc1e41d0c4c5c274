/**
 * Turns the `traits` of an event into their stored forms:
 * - a named text trait that is a number becomes a string: `employees: 250` is `"250"`
 * - in an address, nulls are dropped, a named member that is a number becomes a string, and
 *   `postalCode` becomes `postal_code`
 * - any other trait keeps its value: a string as it is, everything else as JSON text
 * - null removes the trait
 */
import { z } from 'zod'
import { numberText } from '../json/exact-numbers.ts'
import { jsonPointer } from '../json/json-pointer.ts'
import { hasLoneSurrogate, isJsonObject, isSameJson, type JsonObject } from '../json/json-value.ts'
import { JsonText, type StoredValue, textOf } from '../json/stored-value.ts'
import type { Problem, Reason } from '../problem.ts'
import { MUST_BE_UNICODE, traitSchemas } from './event.ts'
import { areSameNames, EventTraits } from './event-traits.ts'

export interface TraitRules {
  /** Whether `email` must be an e-mail address, and `avatar` and `website` http(s) URLs. */
  readonly strictFormats: boolean
  /** Per event, removals included. */
  readonly maxTraits: number
  /** UTF-8 bytes. */
  readonly maxTraitNameBytes: number
  /** UTF-8 bytes of the stored form. */
  readonly maxTraitValueBytes: number
}

/**
 * Creates the function that reads the `traits` of an event. That function passes every problem
 * to `report`, in the order of precedence.
 *
 * @param schemas of the named traits
 */
export function createTraitReader(
  rules: TraitRules,
  schemas = traitSchemas(rules.strictFormats),
): (traits: JsonObject, hasEscapes: boolean, report: (problem: Problem) => void) => EventTraits {
  const named = new Map(
    Array.from(schemas, ([name, schema]) => [name, { schema, isFree: isFree(schema) }]),
  )
  let problems: Problem[] = []
  const collect = (found: Problem) => {
    problems.push(found)
  }
  let lastNames: readonly string[] = []

  return function readTraits(traits, hasEscapes, report) {
    const given = Object.keys(traits)
    // consecutive events with the same traits share one list, which also makes folding fast
    const names = areSameNames(given, lastNames) ? lastNames : given
    lastNames = names
    if (problems.length > 0) problems = []
    if (names.length > rules.maxTraits) {
      report(
        problem(
          'too_many_traits',
          [],
          `the event has ${names.length} traits, but at most ${rules.maxTraits} are allowed`,
        ),
      )
      return NO_TRAITS
    }
    const values = names.map((name) => readTrait(name, traits[name], hasEscapes, collect))
    if (problems.length > 0) sortByPrecedence(problems).forEach(report)
    return new EventTraits(names, values)
  }

  function readTrait(
    name: string,
    given: unknown,
    hasEscapes: boolean,
    report: (problem: Problem) => void,
  ): StoredValue | null {
    const value = name === 'address' ? normalizeAddress(given) : given
    if (name.trim() === '') report(invalid([name], 'the name of a trait must not be blank'))
    if (hasEscapes && (!name.isWellFormed() || hasLoneSurrogate(value))) {
      report(invalid([name], MUST_BE_UNICODE))
    }
    if (exceedsBytes(name, rules.maxTraitNameBytes)) {
      const limit = `the name of a trait must have at most ${rules.maxTraitNameBytes} bytes of UTF-8`
      report(problem('too_large', [name], limit))
    }
    if (value === null) return null
    const stored = storedForm(name, value, report)
    if (exceedsBytes(textOf(stored), rules.maxTraitValueBytes)) {
      const limit = `the value of a trait must have at most ${rules.maxTraitValueBytes} bytes of UTF-8`
      report(problem('too_large', [name], limit))
    }
    return stored
  }

  function storedForm(
    name: string,
    value: unknown,
    report: (problem: Problem) => void,
  ): StoredValue {
    const trait = named.get(name)
    if (trait === undefined) return typeof value === 'string' ? value : jsonText(value)
    const { schema, isFree } = trait
    if (name === 'address') {
      if (isFree && isPlainAddress(value)) return jsonText(value)
      if (isJsonObject(value)) {
        check(schema, value, [name], report)
        return jsonText(unifyPostalCode(value, report))
      }
      report(invalid([name], 'must be an object'))
      return ''
    }
    if (isFree && typeof value === 'string') return value
    const text = numberText(value) ?? value
    check(schema, text, [name], report)
    return typeof text === 'string' ? text : ''
  }
}

const NO_TRAITS = new EventTraits([], [])

const PRECEDENCE: readonly Reason[] = ['conflicting_fields', 'invalid_trait', 'too_large']

function sortByPrecedence(problems: readonly Problem[]): Problem[] {
  return PRECEDENCE.flatMap((reason) => problems.filter((found) => found.reason === reason))
}

/**
 * Whether the schema accepts every string, or every object of strings: then such a value is taken
 * without asking zod, which is expensive for each trait of each event. A rule that is added to a
 * schema in event.ts makes this false.
 */
function isFree(schema: z.ZodType): boolean {
  if (!(schema instanceof z.ZodObject)) return acceptsAnyString(schema)
  const { catchall, checks = [] } = schema.def
  const members = Object.values(schema.shape)
  return checks.length === 0 && catchall instanceof z.ZodUnknown && members.every(acceptsAnyString)
}

/** Returns false also for a kind of schema that it does not know. */
function acceptsAnyString(schema: z.core.$ZodType): boolean {
  if ((schema._zod.def.checks ?? []).length > 0) return false
  if (schema instanceof z.ZodUnion) return schema.options.some(acceptsAnyString)
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
    return acceptsAnyString(schema.def.innerType)
  }
  return schema instanceof z.ZodString // not z.email(), z.url() and the like
}

const ADDRESS_TEXTS = new Set(['city', 'country', 'postal_code', 'postalCode', 'state', 'street'])

/** Whether an address has only strings and no `postalCode`, as nearly all: it is kept as it is. */
function isPlainAddress(value: unknown): boolean {
  if (!isJsonObject(value) || 'postalCode' in value) return false
  for (const name in value) if (typeof value[name] !== 'string') return false
  return true
}

/** Returns an address without nulls and with numbers as texts; any other value unchanged. */
function normalizeAddress(given: unknown): unknown {
  if (isPlainAddress(given) || !isJsonObject(given)) return given
  const members = Object.entries(given).filter(([, value]) => value !== null)
  return Object.fromEntries(
    members.map(([name, value]) => [
      name,
      ADDRESS_TEXTS.has(name) ? (numberText(value) ?? value) : value,
    ]),
  )
}

/** Returns an address with `postalCode` renamed to `postal_code`, in the same place. */
function unifyPostalCode(address: JsonObject, report: (problem: Problem) => void): JsonObject {
  const { postal_code, postalCode } = address
  if (postalCode === undefined) return address
  if (postal_code !== undefined && !isSameJson(postal_code, postalCode)) {
    const message = 'postal_code and postalCode have different values; send only one of them'
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

/** Counts bytes only of long texts: a UTF-16 unit takes at most three bytes of UTF-8. */
function exceedsBytes(text: string, limit: number): boolean {
  return text.length * 3 > limit && Buffer.byteLength(text) > limit
}

function invalid(path: readonly string[], message: string): Problem {
  return problem('invalid_trait', path, message)
}

function problem(reason: Reason, path: readonly string[], message: string): Problem {
  return { reason, path: jsonPointer('traits', ...path), message }
}
