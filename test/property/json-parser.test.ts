import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isRawNumber, numberText } from '../../src/domain/json/exact-numbers.ts'
import { parseExactly } from '../../src/domain/json/exact-parser.ts'
import { parseJson } from '../../src/domain/json/parse-json.ts'
import { jsonSource } from './documents.ts'

const SETTINGS = { numRuns: 5000 }

test('the exact parser gives what JSON.parse gives, but for the digits of numbers', () => {
  fc.assert(
    fc.property(jsonSource, (text) => {
      expect(JSON.stringify(withDoubles(parseExactly(text)))).toBe(JSON.stringify(JSON.parse(text)))
    }),
    SETTINGS,
  )
})

test('names and strings that are written with escapes are the same', () => {
  fc.assert(
    fc.property(jsonSource, fc.infiniteStream(fc.boolean()), (text, choices) => {
      expect(JSON.stringify(parseExactly(escaped(text, choices)))).toBe(
        JSON.stringify(parseExactly(text)),
      )
    }),
    SETTINGS,
  )
})

test('a text is JSON to the exact parser if it is to JSON.parse', () => {
  const change = fc.record({
    at: fc.nat(),
    remove: fc.nat(2),
    insert: fc.constantFrom(
      '',
      '"',
      ',',
      ':',
      '{',
      '}',
      '[',
      ']',
      '0',
      '-',
      '.',
      'e',
      '\\',
      ' ',
      '\n',
    ),
  })
  fc.assert(
    fc.property(jsonSource, fc.array(change, { minLength: 1, maxLength: 3 }), (source, changes) => {
      let text = source
      for (const { at, remove, insert } of changes) {
        const place = at % (text.length + 1)
        text = text.slice(0, place) + insert + text.slice(place + remove)
      }
      expect(parseExactly(text) !== undefined).toBe(isJson(text))
      expect(parseJson(text) !== undefined).toBe(isJson(text))
    }),
    SETTINGS,
  )
})

test('the result depends on the text alone, whatever was parsed before', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(jsonSource, fc.infiniteStream(fc.boolean()))), (sources) => {
      const texts = sources.map(([text, choices]) => escaped(`{"a":${text}}`, choices))
      const form = (text: string) => JSON.stringify(parseJson(text))
      const first = texts.map(form)
      expect([...texts].reverse().map(form).reverse()).toEqual(first)
      expect(first).toEqual(texts.map((text) => JSON.stringify(parseExactly(text))))
    }),
    { numRuns: 1000 },
  )
})

/** The same document with numbers as `JSON.parse` has them. */
function withDoubles(value: unknown): unknown {
  if (isRawNumber(value)) return Number(numberText(value))
  if (Array.isArray(value)) return value.map(withDoubles)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, withDoubles(member)]),
  )
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The same JSON, with some characters of its strings as `\\uXXXX`. */
function escaped(text: string, choices: Iterator<boolean>): string {
  return text.replace(/"(?:[^"\\]|\\.)*"/gs, (string) =>
    string.replace(/\\u[\da-f]{4}|\\.|[^"\\]/gis, (unit) => {
      if (unit.length > 1 || choices.next().value !== true) return unit
      return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
    }),
  )
}
