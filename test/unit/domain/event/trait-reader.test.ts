import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { traitSchemas } from '../../../../src/domain/event/event.ts'
import { createTraitReader } from '../../../../src/domain/event/trait-reader.ts'
import type { Problem } from '../../../../src/domain/problem.ts'
import { DEFAULT_RULES } from '../../../setup/domain/decode-rules.ts'
import {
  accept,
  eventText,
  problemsOf,
  problemsOfTrait,
  stored,
  word,
} from '../../../setup/domain/decoding.ts'

const TEXTS = ['avatar', 'description', 'email', 'employees', 'phone', 'website', 'plan'] as const

describe.each(TEXTS)('%s', (name) => {
  test('is a string, kept unchanged', () => {
    for (const text of ['', ' ', 'a b', '250.0', 'é😀', 'null', '{"a":1}', '\0']) {
      expect(stored(name, JSON.stringify(text))).toBe(`s:${text}`)
    }
  })

  test.each([
    ['250', '250'],
    ['250.0', '250'],
    ['1.10', '1.1'],
    ['1e21', '1e+21'],
    ['1E2', '100'],
    ['-0', '0'],
    ['-0.0', '0'],
    ['0.1', '0.1'],
    ['0.10000000000000001', '0.10000000000000001'],
    ['0.1000000000000000055', '0.1000000000000000055'],
    ['9007199254740993', '9007199254740993'],
    ['9007199254740991.0000001', '9007199254740991.0000001'],
    ['1e400', '1e400'],
    ['1E+400', '1E+400'],
    ['1e-7', '1e-7'],
    ['0.0000001', '1e-7'],
  ])('the number %s is taken as the text %s', (json, text) => {
    expect(stored(name, json)).toBe(`s:${text}`)
  })

  test('null removes it', () => {
    expect(stored(name, 'null')).toBe('x')
  })

  test.each(['true', 'false', '[]', '["x"]', '{}', '{"rawJSON":"1"}'])('%s is invalid', (json) => {
    expect(problemsOfTrait(name, json)).toEqual([`invalid_trait /traits/${name}`])
  })

  test('may have any format by default', () => {
    expect(stored(name, '"no address, no URL"')).toBe('s:no address, no URL')
  })
})

describe('any other trait', () => {
  test.each([
    ['"text"', 's:text'],
    ['"250"', 's:250'],
    ['""', 's:'],
    ['250', 'j:250'],
    ['true', 'j:true'],
    ['false', 'j:false'],
    ['null', 'x'],
    ['[]', 'j:[]'],
    ['{}', 'j:{}'],
    ['[null, "a", {"b": null}]', 'j:[null,"a",{"b":null}]'],
  ])('may be any JSON value: %s', (json, expected) => {
    for (const name of ['name', 'industry', 'custom']) expect(stored(name, json)).toBe(expected)
  })

  test.each([
    ['Email', 'true'],
    ['EMPLOYEES', '250'],
    ['Address', '"x"'],
    ['postal_code', '5'],
    ['city', '5'],
  ])('differs from a named one by case: %s', (name, json) => {
    expect(problemsOfTrait(name, json)).toEqual([])
    if (json === '5') expect(stored(name, json)).toBe('j:5')
  })
})

describe('strict formats', () => {
  const strict = (name: string, json: string) =>
    problemsOf(eventText({ traits: `{"${name}":${json}}` }), { strictFormats: true })

  test.each(['ann@example.com', 'ann.b+c@mail.example.co.uk'])(
    '%s is an e-mail address',
    (text) => {
      expect(strict('email', JSON.stringify(text))).toEqual([])
    },
  )

  test.each(['""', '"ann"', '"ann@"', '"@example.com"', '"ann @example.com"', '5', 'true', '{}'])(
    '%s is not an e-mail address',
    (json) => {
      expect(strict('email', json)).toEqual(['invalid_trait /traits/email'])
    },
  )

  test.each(['avatar', 'website'])('%s must be an http or https URL', (name) => {
    for (const url of [
      'https://example.com',
      'http://example.com:8080/a?b=c#d',
      'HTTPS://EXAMPLE.COM',
    ]) {
      expect(strict(name, JSON.stringify(url))).toEqual([])
    }
    for (const json of [
      '"example.com"',
      '"ftp://example.com"',
      '"javascript:alert(1)"',
      '"data:,"',
      '""',
      '5',
      '[]',
    ]) {
      expect(strict(name, json)).toEqual([`invalid_trait /traits/${name}`])
    }
  })

  test.each(['description', 'employees', 'phone', 'plan', 'name'])(
    '%s may have any format',
    (name) => {
      expect(strict(name, '"x y"')).toEqual([])
      expect(strict(name, '5')).toEqual([])
    },
  )

  test('do not apply to a removal', () => {
    for (const name of ['email', 'avatar', 'website']) expect(strict(name, 'null')).toEqual([])
  })

  test('do not change what is stored', () => {
    const traits = '{"email":"Ann@Example.com","website":"HTTPS://Example.com"}'
    const event = accept(eventText({ traits }), { strictFormats: true })
    expect([...event.traits].map(([name, value]) => [name, word(value)])).toEqual([
      ['email', 's:Ann@Example.com'],
      ['website', 's:HTTPS://Example.com'],
    ])
  })
})

describe('a rule that is added to a schema', () => {
  const short = z.string().max(3, 'must be short')

  test.each([
    ['a schema', short],
    ['one kind of value', z.union([short, z.number()])],
    ['all kinds of value', z.union([z.string(), z.number()]).refine((value) => value !== 'long')],
  ])('of a text is applied without strict formats: to %s', (_, plan) => {
    expect(problemsWith({ plan }, { plan: 'pro' })).toEqual([])
    expect(problemsWith({ plan }, { plan: 'long' })).toEqual(['/traits/plan'])
  })

  test.each([
    ['a member', z.looseObject({ city: short.nullish() }), '/traits/address/city'],
    ['the object', z.looseObject({}).refine(({ city }) => city !== 'long'), '/traits/address'],
    ['other members', z.object({}).catchall(short), '/traits/address/city'],
  ])('of an address is applied to an address of strings: to %s', (_, address, path) => {
    expect(problemsWith({ address }, { address: { city: 'Ulm' } })).toEqual([])
    expect(problemsWith({ address }, { address: { city: 'long' } })).toEqual([path])
  })

  function problemsWith(schemas: Record<string, z.ZodType>, traits: Record<string, unknown>) {
    const all = new Map([...traitSchemas(false), ...Object.entries(schemas)])
    const problems: Problem[] = []
    createTraitReader(DEFAULT_RULES, all)(traits, false, (found) => problems.push(found))
    return problems.map(({ path }) => path)
  }
})
