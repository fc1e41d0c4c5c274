import { describe, expect, test } from 'vitest'
import { eventText, problemsOf, problemsOfTrait, stored } from '../../../setup/domain/decoding.ts'

describe('an address', () => {
  test.each([
    ['empty', '{}', '{}'],
    ['its members in any order', '{"street":"s","city":"c"}', '{"street":"s","city":"c"}'],
    [
      'all that the contract names',
      '{"city":"a","country":"b","postal_code":"c","state":"d","street":"e"}',
      '{"city":"a","country":"b","postal_code":"c","state":"d","street":"e"}',
    ],
    [
      'numbers as their texts',
      '{"postal_code":89073,"street":1.10,"state":1e21,"city":9007199254740993,"country":-0}',
      '{"postal_code":"89073","street":"1.1","state":"1e+21","city":"9007199254740993","country":"0"}',
    ],
    ['without its nulls', '{"city":null,"state":"d","x":null}', '{"state":"d"}'],
    ['without its nulls, all of them', '{"city":null,"postalCode":null,"postal_code":null}', '{}'],
    [
      'but with nulls further in',
      '{"geo":{"lat":null},"list":[null]}',
      '{"geo":{"lat":null},"list":[null]}',
    ],
    [
      'other members kept as they are',
      '{"zip":5,"geo":{"lat":1.50},"floor":true,"n":1e400}',
      '{"zip":5,"geo":{"lat":1.5},"floor":true,"n":1e400}',
    ],
    [
      'postalCode as postal_code in its place',
      '{"a":1,"postalCode":"x","b":2}',
      '{"a":1,"postal_code":"x","b":2}',
    ],
    ['postalCode as a number', '{"postalCode":89073.0}', '{"postal_code":"89073"}'],
    [
      'both spellings, equal',
      '{"postalCode":5,"city":"c","postal_code":"5"}',
      '{"postal_code":"5","city":"c"}',
    ],
    [
      'both spellings, one of them null',
      '{"postalCode":null,"city":"c","postal_code":"5"}',
      '{"city":"c","postal_code":"5"}',
    ],
    ['names told by their case', '{"City":true,"POSTALCODE":5}', '{"City":true,"POSTALCODE":5}'],
    [
      'names of every object',
      '{"__proto__":{"a":1},"constructor":1,"toString":null}',
      '{"__proto__":{"a":1},"constructor":1}',
    ],
    ['__proto__ as a text', '{"__proto__":"x","city":"c"}', '{"__proto__":"x","city":"c"}'],
    ['blank texts and blank names', '{"city":"","":" "}', '{"city":"","":" "}'],
    ['integer-like names first', '{"b":1,"2":2}', '{"2":2,"b":1}'],
  ])('is stored whole: %s', (_what, json, form) => {
    expect(stored('address', json)).toBe(`j:${form}`)
  })

  test('null removes it', () => {
    expect(stored('address', 'null')).toBe('x')
  })

  test.each(['"x"', '5', 'true', '[]', '[{}]', '1e400'])('%s is none', (json) => {
    expect(problemsOfTrait('address', json)).toEqual(['invalid_trait /traits/address'])
  })

  test.each(['city', 'country', 'postal_code', 'state', 'street'])(
    'has a text as its %s',
    (name) => {
      for (const json of ['true', '[]', '{}', '["x"]']) {
        expect(problemsOfTrait('address', `{"${name}":${json}}`)).toEqual([
          `invalid_trait /traits/address/${name}`,
        ])
      }
    },
  )

  test('has a text as its postalCode, and the path is as it was spelled', () => {
    expect(problemsOfTrait('address', '{"postalCode":true}')).toEqual([
      'invalid_trait /traits/address/postalCode',
    ])
  })

  test.each([
    ['"1"', '"2"'],
    ['1', '"1.0"'],
    ['""', '"1"'],
    ['9007199254740993', '9007199254740992'],
  ])('with postalCode %s and postal_code %s is in conflict', (a, b) => {
    for (const [one, other] of [
      [a, b],
      [b, a],
    ]) {
      expect(problemsOfTrait('address', `{"postalCode":${one},"postal_code":${other}}`)).toEqual([
        'conflicting_fields /traits/address/postal_code',
      ])
    }
  })

  test('with both postal codes the same and wrong is wrong, not in conflict', () => {
    expect(problemsOfTrait('address', '{"postalCode":["x"],"postal_code":["x"]}')).toEqual([
      'invalid_trait /traits/address/postal_code',
      'invalid_trait /traits/address/postalCode',
    ])
  })

  test('in conflict goes before an invalid trait that stands earlier', () => {
    const traits = '{"email":true,"address":{"postalCode":1,"postal_code":2}}'
    expect(problemsOf(eventText({ traits }))).toEqual([
      'conflicting_fields /traits/address/postal_code',
      'invalid_trait /traits/email',
    ])
  })
})
