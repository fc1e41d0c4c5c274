import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createDecoder, type DecodeRules } from '../../src/domain/event/decode.ts'
import { idSchema, traitSchemas } from '../../src/domain/event/event.ts'
import { textOf } from '../../src/domain/json/stored-value.ts'
import { type Problem, REASONS } from '../../src/domain/problem.ts'
import { DEFAULT_RULES } from '../setup/domain/decode-rules.ts'
import { anyText, jsonSource, unicodeText } from './documents.ts'
import { anyRecord, eventText } from './records.ts'

const NOW = Date.UTC(2026, 0, 1)

const rules: fc.Arbitrary<DecodeRules> = fc.record({
  maxClockSkewMs: fc.nat(1e12),
  strictFormats: fc.boolean(),
  tombstones: fc.constantFrom('reject', 'erase'),
  maxEventBytes: fc.oneof(fc.nat(100), fc.constant(1 << 20), fc.constant(1 << 20)),
  maxTraits: fc.nat(4),
  maxTraitNameBytes: fc.nat(30),
  maxTraitValueBytes: fc.nat(60),
  maxDepth: fc.integer({ min: 1, max: 40 }),
})

const decode = (text: string, changed: Partial<DecodeRules> = {}) =>
  createDecoder({ ...DEFAULT_RULES, ...changed }).decodeValue(Buffer.from(text), NOW)

const accepts = (text: string, changed: Partial<DecodeRules> = {}) =>
  decode(text, changed).kind === 'group'

describe('decoding never throws', () => {
  test('for any record: it returns an event, an erasure, another type, or problems', () => {
    const seen = { group: 0, erasure: 0, ignored: 0, rejected: 0 }
    fc.assert(
      fc.property(anyRecord, rules, (record, changed) => {
        const decoded = createDecoder(changed).decodeRecord(record, NOW)
        seen[decoded.kind]++
        switch (decoded.kind) {
          case 'group': {
            const { groupId, userId, clock } = decoded
            return isId(groupId) && (userId === null || isId(userId)) && isClock(clock)
          }
          case 'erasure':
            return isId(decoded.groupId) && isClock(decoded.clock)
          case 'ignored':
            return decoded.type !== 'group'
          case 'rejected':
            return decoded.problems.every(isProblem)
        }
      }),
      { numRuns: 3000 },
    )
    // otherwise a decoder that rejects everything would pass
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(10)
  })
})

const isClock = (clock: number) => Number.isSafeInteger(clock) && clock >= 0

const isProblem = ({ reason, path, message }: Problem) =>
  REASONS.includes(reason) && /^(\/|$)/.test(path) && /^.{1,300}$/.test(message)

const isId = (id: string) => id.trim() !== '' && Buffer.byteLength(id) <= 512 && id.isWellFormed()

describe('the fast paths of the decoder give the same results as the slow ones', () => {
  test('for ids: the result of the schema', () => {
    const ids = fc.oneof(
      anyText,
      fc.string(),
      fc
        .constantFrom('x', 'é', '€', '😀')
        .chain((character) =>
          fc.integer({ min: 120, max: 520 }).map((count) => character.repeat(count)),
        ),
    )
    fc.assert(
      fc.property(ids, (id) => {
        const expected = idSchema.safeParse(id).success
        expect(expected).toBe(isId(id))
        expect(accepts(eventText({ group_id: JSON.stringify(id) }))).toBe(expected)
        expect(accepts(eventText({ userId: JSON.stringify(id), user_id: 'null' }))).toBe(expected)
      }),
      { numRuns: 2000 },
    )
  })

  test.each([...traitSchemas(false)])(
    'for the trait %s: the result of the schema',
    (name, schema) => {
      fc.assert(
        fc.property(fc.jsonValue({ maxDepth: 2 }), (value) => {
          const expected = value === null || schema.safeParse(value).success
          const text = eventText({ traits: JSON.stringify({ [name]: value }) })
          expect(accepts(text)).toBe(expected)
        }),
        { numRuns: 300 },
      )
    },
  )

  test.each(['avatar', 'email', 'website'])(
    'for the trait %s in strict formats: the result of the schema',
    (name) => {
      const schema = traitSchemas(true).get(name)
      const values = fc.oneof(fc.emailAddress(), fc.webUrl(), fc.string(), fc.integer())
      fc.assert(
        fc.property(values, (value) => {
          const text = eventText({ traits: JSON.stringify({ [name]: value }) })
          expect(accepts(text, { strictFormats: true })).toBe(schema?.safeParse(value).success)
        }),
      )
    },
  )

  test('for limits in bytes: the result of counting bytes', () => {
    fc.assert(
      fc.property(unicodeText, fc.nat(30), fc.boolean(), (text, limit, inArray) => {
        const value = inArray ? [text] : text
        const bytes = Buffer.byteLength(inArray ? JSON.stringify(value) : text)
        const traits = JSON.stringify({ a: value })
        expect(accepts(eventText({ traits }), { maxTraitValueBytes: limit })).toBe(bytes <= limit)
        const named = eventText({ traits: JSON.stringify({ [`a${text}`]: 1 }) })
        const fits = Buffer.byteLength(text) + 1 <= limit
        expect(accepts(named, { maxTraitNameBytes: limit })).toBe(fits)
      }),
      { numRuns: 1000 },
    )
  })

  test('for the depth: the result of counting levels', () => {
    fc.assert(
      fc.property(jsonSource, fc.integer({ min: 2, max: 8 }), (json, maxDepth) => {
        const decoded = decode(eventText({ context: `{"a":${json}}` }), { maxDepth })
        const isTooDeep = decoded.kind === 'rejected' && decoded.problems[0].reason === 'too_deep'
        expect(isTooDeep).toBe(depthOf(JSON.parse(json)) + 2 > maxDepth)
      }),
      { numRuns: 1000 },
    )
  })

  test('for lone surrogates: they are rejected anywhere in the traits', () => {
    fc.assert(
      fc.property(
        fc.dictionary(anyText, fc.oneof(anyText, fc.dictionary(anyText, anyText))),
        (traits) => {
          const names = Object.keys(traits).every((name) => name.trim() !== '')
          fc.pre(names)
          const texts = [
            ...Object.keys(traits),
            ...Object.values(traits).flatMap((value) =>
              typeof value === 'string' ? [value] : Object.entries(value).flat(),
            ),
          ]
          expect(accepts(eventText({ traits: JSON.stringify(traits) }))).toBe(
            texts.every((text) => text.isWellFormed()),
          )
        },
      ),
      { numRuns: 1000 },
    )
  })
})

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}

describe('decoding keeps what was sent', () => {
  test('for every string trait, and every name, exactly', () => {
    const names = unicodeText.filter((name) => name.trim() !== '' && name !== 'address')
    fc.assert(
      fc.property(fc.dictionary(names, unicodeText, { noNullPrototype: true }), (traits) => {
        const decoded = decode(eventText({ traits: JSON.stringify(traits) }))
        expect(decoded).toMatchObject({ kind: 'group' })
        if (decoded.kind !== 'group') return
        expect([...decoded.traits]).toEqual(Object.entries(traits))
      }),
      { numRuns: 1000 },
    )
  })

  test('for every JSON value, except text that is not valid Unicode', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme', maxDepth: 4 }), (value) => {
        fc.pre(value !== null && typeof value !== 'string')
        const decoded = decode(eventText({ traits: JSON.stringify({ a: value }) }))
        const stored = decoded.kind === 'group' && decoded.traits.get('a')
        expect(stored ? textOf(stored) : decoded).toBe(JSON.stringify(value))
      }),
      { numRuns: 1000 },
    )
  })

  test('for ids, exactly', () => {
    fc.assert(
      fc.property(unicodeText.filter(isId), unicodeText.filter(isId), (groupId, userId) => {
        const text = eventText({
          group_id: JSON.stringify(groupId),
          user_id: JSON.stringify(userId),
        })
        expect(decode(text)).toMatchObject({ groupId, userId })
      }),
      { numRuns: 1000 },
    )
  })
})
