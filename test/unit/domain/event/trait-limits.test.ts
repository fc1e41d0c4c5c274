import { describe, expect, test } from 'vitest'
import {
  accept,
  eventText,
  problemsOf,
  problemsOfTrait,
  stored,
} from '../../../setup/domain/decoding.ts'

describe('the name of a trait', () => {
  test.each(['', ' ', '\t\n', '\u00a0', '\uFEFF', '\u2028'])('must not be blank: %j', (name) => {
    const path = `invalid_trait /traits/${name}`
    expect(problemsOfTrait(name, '"x"')).toEqual([path])
    expect(problemsOfTrait(name, 'null')).toEqual([path])
  })

  test.each([
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'prototype',
    'length',
    '0',
    '10',
    ' a ',
    '\u200b',
    'a.b',
    'a/b',
    'é',
    '😀',
    'a\0',
    '{',
    '%',
    'rawJSON',
    'toJSON',
  ])('may be %j, like any other', (name) => {
    expect(stored(name, '"x"')).toBe('s:x')
    expect(stored(name, '{"a":1}')).toBe('j:{"a":1}')
    expect(stored(name, '9007199254740993')).toBe('j:9007199254740993')
    expect(stored(name, 'null')).toBe('x')
  })

  test('__proto__ changes no prototype', () => {
    const { traits } = accept(eventText({ traits: '{"__proto__":{"polluted":1},"name":"x"}' }))
    expect(traits.names).toEqual(['__proto__', 'name'])
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  test('may have at most 256 bytes of UTF-8, also in a removal', () => {
    for (const json of ['"x"', 'null', '[]']) {
      for (const name of ['n'.repeat(256), 'é'.repeat(128), '😀'.repeat(64)]) {
        expect(problemsOfTrait(name, json)).toEqual([])
        expect(problemsOfTrait(`${name}x`, json)).toHaveLength(1)
        expect(problemsOfTrait(`${name}x`, json)[0]).toMatch(/^too_large \/traits\//)
      }
    }
  })

  test('is escaped in the path, a JSON Pointer', () => {
    const path = (name: string) =>
      problemsOf(eventText({ traits: `{"email":0,"${name}":"\\ud800"}` }))
    expect(path('a/b~c')).toEqual(['invalid_trait /traits/a~1b~0c'])
  })

  test('is cut in the path if it is long, but not within a character', () => {
    const [problem = ''] = problemsOfTrait(`x${'😀'.repeat(1000)}`, '"x"')
    expect(problem.length).toBeLessThan(300)
    expect(problem.isWellFormed()).toBe(true)
  })
})

describe('the value of a trait', () => {
  const MAX = 32 * 1024

  test.each([
    ['a string', (bytes: number) => `"${'x'.repeat(bytes)}"`],
    [
      'a string of two-byte characters',
      (bytes: number) => `"${'é'.repeat(bytes / 2)}${'x'.repeat(bytes % 2)}"`,
    ],
    ['an array', (bytes: number) => `["${'x'.repeat(bytes - 4)}"]`],
    [
      'an array with blanks, which are not stored',
      (bytes: number) => `[   "${'x'.repeat(bytes - 4)}"]`,
    ],
    ['a number', (bytes: number) => `1.${'3'.repeat(bytes - 2)}`],
  ])('may have at most 32 KiB in its stored form: %s', (_what, ofBytes) => {
    expect(problemsOfTrait('custom', ofBytes(MAX))).toEqual([])
    expect(problemsOfTrait('custom', ofBytes(MAX + 1))).toEqual(['too_large /traits/custom'])
  })

  test('is measured in its stored form: escapes are decoded in a string, encoded in JSON', () => {
    expect(problemsOfTrait('custom', `"${'\\u0001'.repeat(MAX)}"`)).toEqual([])
    expect(problemsOfTrait('custom', `["${'\\n'.repeat(MAX / 2)}"]`)).toEqual([
      'too_large /traits/custom',
    ])
  })

  test('of an address is measured after its nulls are dropped', () => {
    const address = (bytes: number) => `{"gone":null,"a":"${'x'.repeat(bytes - 8)}"}`
    expect(problemsOfTrait('address', address(MAX))).toEqual([])
    expect(problemsOfTrait('address', address(MAX + 1))).toEqual(['too_large /traits/address'])
  })
})

describe('the number of traits', () => {
  const many = (count: number, json: string) =>
    `{${Array.from({ length: count }, (_, at) => `"t${at}":${json}`).join()}}`

  test.each(['"x"', 'null'])('may be at most 512, removals included: %s', (json) => {
    expect(accept(eventText({ traits: many(512, json) })).traits.size).toBe(512)
    expect(problemsOf(eventText({ traits: many(513, json) }))).toEqual(['too_many_traits /traits'])
  })

  test('counts a duplicate name once', () => {
    const traits = `{${Array(600).fill('"a":1').join()}}`
    expect(accept(eventText({ traits })).traits.size).toBe(1)
  })
})
