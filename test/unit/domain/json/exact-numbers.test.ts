import { describe, expect, test } from 'vitest'
import { mayLoseDigits, numberText } from '../../../../src/domain/json/exact-numbers.ts'
import type { JsonObject } from '../../../../src/domain/json/json-value.ts'
import { parseJson } from '../../../../src/domain/json/parse-json.ts'

const exact = (text: string) => parseJson(text) as JsonObject

describe('exact numbers', () => {
  test('need a second look only where a number is long or has an exponent', () => {
    const text = '{"a":123456789012345,"b":"1234567890123456789","c":-1.5,"d":[0.123456789012]}'
    expect(mayLoseDigits(text)).toBe(false)
  })

  test.each([
    '9007199254740993',
    '-1e400',
    '{"a":9007199254740993}',
    '{"a": 9007199254740993}',
    '{"a":\n-9007199254740993}',
    '{"a":[9007199254740993]}',
    '{"a":[1,9007199254740993]}',
    '{"a":[1,\t9007199254740993]}',
    '{"a":0.1000000000000000055}',
    '{"a":1e400}',
    '{"a":1E400}',
    '{"a":1.5e+400}',
    '{"a":-1e-400}',
    '{"a":{"b":[[{"c":1e400}]]}}',
    '{"a":1e400,"b":9007199254740993,"c":0.1}',
  ])('are kept anywhere in a document: %s', (text) => {
    expect(JSON.stringify(exact(text))).toBe(text.replace(/\s/g, ''))
  })

  test('do not change names, order or prototypes', () => {
    const text = '{"b":1e400,"__proto__":{"x":1e400},"2":1,"a":[1e400,null,"1e400",true]}'
    const document = exact(text)
    expect(Object.keys(document)).toEqual(['2', 'b', '__proto__', 'a'])
    expect(Object.getPrototypeOf(document)).toBe(Object.prototype)
    expect(JSON.stringify(document)).toBe(
      '{"2":1,"b":1e400,"__proto__":{"x":1e400},"a":[1e400,null,"1e400",true]}',
    )
  })

  test.each([
    ['{"a":1e400,"a":2}', '{"a":2}'],
    ['{"a":2,"a":1e400}', '{"a":1e400}'],
    ['{"a":{"b":1e400},"a":[1e401]}', '{"a":[1e401]}'],
    ['{"a":[1e401,2],"a":{"0":3e400}}', '{"a":{"0":3e400}}'],
    ['{"5":1e400,"5":1e401,"5":1e402}', '{"5":1e402}'],
    ['{"__proto__":1e400,"__proto__":1e401}', '{"__proto__":1e401}'],
  ])('of a duplicate name: the last one counts: %s', (text, form) => {
    expect(JSON.stringify(exact(text))).toBe(form)
  })
})

describe('the text of a number', () => {
  test('is its shortest form, or its source if the double is another number', () => {
    const { a, b, c } = exact('{"a":1.10,"b":1e400,"c":-0}')
    expect([a, b, c].map(numberText)).toEqual(['1.1', '1e400', '0'])
  })

  test('is undefined for anything but a number', () => {
    for (const value of ['1', true, null, undefined, {}, [], { rawJSON: '1' }]) {
      expect(numberText(value)).toBeUndefined()
    }
  })
})
