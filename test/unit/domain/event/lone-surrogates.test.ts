import { describe, expect, test } from 'vitest'
import { eventText, problemsOf, stored } from '../../../setup/domain/decoding.ts'

describe('a lone surrogate', () => {
  test.each([
    ['a string', '{"name":"a\\ud800"}', '/traits/name'],
    ['a named trait', '{"plan":"\\udfff"}', '/traits/plan'],
    ['an array', '{"a":["\\ud800"]}', '/traits/a'],
    ['a deep member', '{"a":{"b":[{"c":"x\\udc00\\ud800"}]}}', '/traits/a'],
    ['the name of a member', '{"a":{"\\ud800":1}}', '/traits/a'],
    ['an address', '{"address":{"city":"\\ud800"}}', '/traits/address'],
    ['another member of an address', '{"address":{"x":["\\ud800"]}}', '/traits/address'],
    ['the name of a trait', '{"a\\ud800":1}', '/traits/a\ud800'],
    ['the name of a removed trait', '{"a\\ud800":null}', '/traits/a\ud800'],
    ['a value beside a long number', '{"a":[1e400,"\\ud800"]}', '/traits/a'],
    ['the second of two characters', '{"a":"\\ud83d\\ude00\\ud83d"}', '/traits/a'],
  ])('in %s is an invalid trait', (_where, traits, path) => {
    expect(problemsOf(eventText({ traits }))).toEqual([`invalid_trait ${path}`])
  })

  test('in what is not stored is accepted', () => {
    const fields = { context: '{"\\ud800":"\\ud800"}', messageId: '"\\ud800"' }
    expect(problemsOf(eventText(fields))).toEqual([])
    expect(stored('address', '{"\\ud800":null,"city":"c"}')).toBe('j:{"city":"c"}')
    expect(stored('a', '"x", "a": "\\ud800", "a": "y"')).toBe('s:y')
  })

  test('is not half of a pair, escaped or not', () => {
    expect(stored('name', '"\\uD83D\\uDE00"')).toBe('s:😀')
    expect(stored('a', '["\\ud83d\\ude00","😀"]')).toBe('j:["😀","😀"]')
  })

  test('is not an escaped backslash before the letter u', () => {
    expect(stored('name', '"\\\\ud800"')).toBe('s:\\ud800')
  })
})
