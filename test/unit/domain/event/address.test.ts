import { describe, expect, test } from 'vitest'
import { eventText, problemsOf, problemsOfTrait, stored } from '../../../setup/domain/decoding.ts'

describe('an address', () => {
  test.each([
    ['empty', '{}', '{}'],
    ['members in any order', '{"street":"s","city":"c"}', '{"street":"s","city":"c"}'],
    [
      'all members that the contract names',
      '{"city":"a","country":"b","postal_code":"c","state":"d","street":"e"}',
      '{"city":"a","country":"b","postal_code":"c","state":"d","street":"e"}',
    ],
    [
      'numbers as text',
      '{"postal_code":89073,"street":1.10,"state":1e21,"city":9007199254740993,"country":-0}',
      '{"postal_code":"89073","street":"1.1","state":"1e+21","city":"9007199254740993","country":"0"}',
    ],
    ['nulls dropped', '{"city":null,"state":"d","x":null}', '{"state":"d"}'],
    ['all members null: all dropped', '{"city":null,"postalCode":null,"postal_code":null}', '{}'],
    [
      'nulls deeper inside are kept',
      '{"geo":{"lat":null},"list":[null]}',
      '{"geo":{"lat":null},"list":[null]}',
    ],
    [
      'other members unchanged',
      '{"zip":5,"geo":{"lat":1.50},"floor":true,"n":1e400}',
      '{"zip":5,"geo":{"lat":1.5},"floor":true,"n":1e400}',
    ],
    [
      'postalCode renamed to postal_code in the same place',
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
    ['names are case-sensitive', '{"City":true,"POSTALCODE":5}', '{"City":true,"POSTALCODE":5}'],
    [
      'names of members that every JavaScript object has',
      '{"__proto__":{"a":1},"constructor":1,"toString":null}',
      '{"__proto__":{"a":1},"constructor":1}',
    ],
    ['__proto__ as a string', '{"__proto__":"x","city":"c"}', '{"__proto__":"x","city":"c"}'],
    ['blank strings and blank names', '{"city":"","":" "}', '{"city":"","":" "}'],
    ['integer-like names first', '{"b":1,"2":2}', '{"2":2,"b":1}'],
  ])('is stored as one JSON value: %s', (_what, json, form) => {
    expect(stored('address', json)).toBe(`j:${form}`)
  })

  test('null removes it', () => {
    expect(stored('address', 'null')).toBe('x')
  })

  test.each(['"x"', '5', 'true', '[]', '[{}]', '1e400'])('%s is not an address', (json) => {
    expect(problemsOfTrait('address', json)).toEqual(['invalid_trait /traits/address'])
  })

  test.each(['city', 'country', 'postal_code', 'state', 'street'])(
    'must have a string or a number as its %s',
    (name) => {
      for (const json of ['true', '[]', '{}', '["x"]']) {
        expect(problemsOfTrait('address', `{"${name}":${json}}`)).toEqual([
          `invalid_trait /traits/address/${name}`,
        ])
      }
    },
  )

  test('must have a string or a number as its postalCode; the path has that spelling', () => {
    expect(problemsOfTrait('address', '{"postalCode":true}')).toEqual([
      'invalid_trait /traits/address/postalCode',
    ])
  })

  test.each([
    ['"1"', '"2"'],
    ['1', '"1.0"'],
    ['""', '"1"'],
    ['9007199254740993', '9007199254740992'],
  ])('with postalCode %s and postal_code %s has conflicting fields', (a, b) => {
    for (const [one, other] of [
      [a, b],
      [b, a],
    ]) {
      expect(problemsOfTrait('address', `{"postalCode":${one},"postal_code":${other}}`)).toEqual([
        'conflicting_fields /traits/address/postal_code',
      ])
    }
  })

  test('with two equal but invalid postal codes is invalid, not conflicting', () => {
    expect(problemsOfTrait('address', '{"postalCode":["x"],"postal_code":["x"]}')).toEqual([
      'invalid_trait /traits/address/postal_code',
      'invalid_trait /traits/address/postalCode',
    ])
  })

  test('with conflicting fields is reported before an invalid trait that comes earlier', () => {
    const traits = '{"email":true,"address":{"postalCode":1,"postal_code":2}}'
    expect(problemsOf(eventText({ traits }))).toEqual([
      'conflicting_fields /traits/address/postal_code',
      'invalid_trait /traits/email',
    ])
  })
})
