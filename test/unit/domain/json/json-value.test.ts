import { describe, expect, test } from 'vitest'
import {
  hasLoneSurrogate,
  isJsonObject,
  isSameJson,
} from '../../../../src/domain/json/json-value.ts'
import { parseJson } from '../../../../src/domain/json/parse-json.ts'

describe('a JSON object', () => {
  test('is not an array, null, a string or a raw number', () => {
    const text = '{"long":1e400}'
    const { long } = parseJson(text) as { long: unknown }
    for (const value of [[], null, undefined, 'x', 1, long]) expect(isJsonObject(value)).toBe(false)
    expect(isJsonObject({})).toBe(true)
    expect(isJsonObject(Object.create(null))).toBe(true)
  })
})

describe('two JSON values', () => {
  test('are the same if their content and the order of their members are', () => {
    expect(isSameJson({ a: [1] }, { a: [1] })).toBe(true)
    expect(isSameJson({ a: 1, b: 2 }, { b: 2, a: 1 })).toBe(false)
    expect(isSameJson('1', 1)).toBe(false)
    expect(isSameJson([], '[]')).toBe(false)
    expect(isSameJson(null, {})).toBe(false)
    expect(isSameJson({}, null)).toBe(false)
  })
})

describe('a lone surrogate', () => {
  test('is found in strings and names, at any depth', () => {
    for (const value of ['\ud800', ['\udc00'], { a: { b: ['x\ud800'] } }, { '\ud800': 1 }]) {
      expect(hasLoneSurrogate(value)).toBe(true)
    }
    for (const value of ['😀', ['😀'], { '😀': null }, 1, null, true, undefined]) {
      expect(hasLoneSurrogate(value)).toBe(false)
    }
  })
})
