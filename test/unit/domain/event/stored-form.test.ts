import { describe, expect, test } from 'vitest'
import { stored } from '../../../setup/domain/decoding.ts'

describe('the stored form', () => {
  test.each([
    ['blanks are dropped', '{ "a" : [ 1 , 2 ] }', '{"a":[1,2]}'],
    ['members keep their order', '{"b":1,"a":2}', '{"b":1,"a":2}'],
    ['integer-like names come first, by number', '{"b":1,"10":2,"2":3}', '{"2":3,"10":2,"b":1}'],
    ['"01" and "-1" are no integers', '{"b":1,"01":2,"-1":3}', '{"b":1,"01":2,"-1":3}'],
    [
      'a duplicate name: the last value counts, in the place of the first',
      '{"a":1,"b":2,"a":3}',
      '{"a":3,"b":2}',
    ],
    ['escapes in a string are decoded', '"\\u0041\\/"', undefined],
    ['characters of a string inside are kept', '["\\u00e9\\/\u2028😀"]', '["é/\u2028😀"]'],
    [
      'characters that must be escaped have their usual escapes',
      '["\\u0001\\u0009\\u007f"]',
      '["\\u0001\\t\x7f"]',
    ],
    [
      'numbers take the shortest form',
      '[250.0,1.10,1e21,1E-7,-0,1e2]',
      '[250,1.1,1e+21,1e-7,0,100]',
    ],
    [
      'numbers that a double cannot hold keep their text',
      '[9007199254740993,1e400,0.1000000000000000055]',
      '[9007199254740993,1e400,0.1000000000000000055]',
    ],
    [
      'long numbers that a double can hold do not',
      '[9007199254740992.000,0.10000000000000000,100000000000000000000]',
      '[9007199254740992,0.1,100000000000000000000]',
    ],
    ['raw numbers are kept at any depth', '{"a":[{"b":-1E400}]}', '{"a":[{"b":-1E400}]}'],
    [
      'a duplicate name: the last value counts, and its number is exact',
      '{"a":[1],"a":9007199254740993}',
      '{"a":9007199254740993}',
    ],
    [
      'a long number that is replaced leaves nothing behind',
      '{"a":9007199254740993,"a":{"b":1}}',
      '{"a":{"b":1}}',
    ],
    [
      'strings with long numbers are strings',
      '["9007199254740993",":9007199254740993"]',
      '["9007199254740993",":9007199254740993"]',
    ],
    ['__proto__ is a member', '{"__proto__":{"a":1},"b":2}', '{"__proto__":{"a":1},"b":2}'],
    [
      '__proto__ is a member beside a long number',
      '{"__proto__":{"a":1e400},"b":2}',
      '{"__proto__":{"a":1e400},"b":2}',
    ],
    ['toJSON is a member', '{"toJSON":"x"}', '{"toJSON":"x"}'],
    ['rawJSON is a member', '{"rawJSON":"1"}', '{"rawJSON":"1"}'],
  ])('%s', (_what, json, form) => {
    expect(stored('custom', json)).toBe(form === undefined ? 's:A/' : `j:${form}`)
  })

  test.each([
    '1e400',
    '-1E+400',
    '1e-400',
    '9007199254740993',
    '-9007199254740993',
    '0.1000000000000000055',
    '123456789012345678901234567890',
    '1.7976931348623159e308',
    '4.9e-324000',
    '0.3000000000000000000000000000000001',
    `${'9'.repeat(400)}`,
    `0.${'0'.repeat(400)}1`,
    `1${'0'.repeat(308)}1`,
    '1e99999999999999999999',
  ])('of the number %s is its own text', (json) => {
    expect(stored('custom', json)).toBe(`j:${json}`)
  })

  test.each([
    ['1.7976931348623157e308', '1.7976931348623157e+308'],
    ['5e-324', '5e-324'],
    [`1${'0'.repeat(22)}`, '1e+22'],
    ['0e99999999999999999999', '0'],
    ['-0e400', '0'],
    [`0.${'0'.repeat(400)}`, '0'],
    ['123456789012345680000', '123456789012345680000'],
    ['1e23', '1e+23'],
  ])('of the number %s is %s', (json, form) => {
    expect(stored('custom', json)).toBe(`j:${form}`)
  })

  test('of an object has all its members', () => {
    expect(stored('custom', '{"a":null,"postalCode":5,"city":1}')).toBe(
      'j:{"a":null,"postalCode":5,"city":1}',
    )
  })

  test('of the same value is the same, even if it is written differently', () => {
    expect(stored('custom', '{"n":1.0,"t":"\\u00e9"}')).toBe(stored('custom', '{"n": 1e0,"t":"é"}'))
  })
})
