import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sameDecimal } from '../../src/domain/json/decimal.ts'
import { numberText } from '../../src/domain/json/exact-numbers.ts'
import type { JsonObject } from '../../src/domain/json/json-value.ts'
import { parseJson } from '../../src/domain/json/parse-json.ts'
import { jsonSource, numberSource } from './documents.ts'
import { scaled } from './exact-decimals.ts'

const exact = (text: string) => parseJson(text) as JsonObject

const isExactAsDouble = (source: string) => {
  const double = Number(source)
  return Number.isFinite(double) && scaled(String(double)) === scaled(source)
}

describe('a number', () => {
  test('has the same decimal value in its stored form as in its source', () => {
    fc.assert(
      fc.property(numberSource, (source) => {
        const text = numberText(exact(`{"a":${source}}`).a) ?? ''
        expect(scaled(text)).toBe(scaled(source))
      }),
      { numRuns: 5000 },
    )
  })

  test('is stored as JSON writes it if that is exact, else as its source', () => {
    fc.assert(
      fc.property(numberSource, (source) => {
        const expected = isExactAsDouble(source) ? JSON.stringify(JSON.parse(source)) : source
        expect(JSON.stringify(exact(`{"a":${source}}`))).toBe(`{"a":${expected}}`)
      }),
      { numRuns: 5000 },
    )
  })

  test('that is a double is stored as JSON writes it', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (double) => {
        const text = JSON.stringify({ a: double })
        expect(JSON.stringify(exact(text))).toBe(text)
      }),
      { numRuns: 2000 },
    )
  })

  test('is compared with another one as exact arithmetic does', () => {
    const twins = fc.oneof(
      fc.tuple(numberSource, numberSource),
      numberSource.map((source) => [source, String(Number(source))] as const),
      numberSource.map((source) => [source, `${source.split(/e/i)[0]}`] as const),
    )
    fc.assert(
      fc.property(twins, ([a, b]) => {
        fc.pre(b !== 'Infinity' && b !== '-Infinity')
        expect(sameDecimal(a, b)).toBe(scaled(a) === scaled(b))
      }),
      { numRuns: 3000 },
    )
  })
})

describe('the fast search for long numbers', () => {
  test('finds the same numbers as a check of every number', () => {
    const raw = JSON as unknown as { rawJSON(text: string): unknown }
    const slow = (text: string) =>
      JSON.parse(text, (_key, value, context?: { source: string }) => {
        if (typeof value !== 'number' || context === undefined) return value
        return isExactAsDouble(context.source) ? value : raw.rawJSON(context.source)
      })
    fc.assert(
      fc.property(jsonSource, (json) => {
        const text = `{"a":${json}}`
        expect(JSON.stringify(exact(text))).toBe(JSON.stringify(slow(text)))
      }),
      { numRuns: 3000 },
    )
  })
})
