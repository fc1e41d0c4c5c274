import fc from 'fast-check'
import { expect, test } from 'vitest'
import { printable, printableJson } from '../../../../src/cli/output/printable.ts'

test('characters that control a terminal or reorder a line become escapes', () => {
  expect(printable('a\u001b[31mred\u0007')).toBe('a\\u001b[31mred\\u0007')
  expect(printable('\u009b2J\u007f')).toBe('\\u009b2J\\u007f')
  expect(printable('one\ntwo\r\tthree')).toBe('one\\ntwo\\r\\tthree')
  expect(printable('abc\u202ecba\u2066')).toBe('abc\\u202ecba\\u2066')
  expect(printable('a\u2028b')).toBe('a\\u2028b')
})

test('any other text is unchanged', () => {
  expect(printable('Ünïcödé 漢字 👩‍🚀 "quoted" back\\slash')).toBe(
    'Ünïcödé 漢字 👩‍🚀 "quoted" back\\slash',
  )
})

test('JSON keeps its value, and has no control characters', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (value, text) => {
      const json = printableJson({ value, text })
      expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify({ value, text })))
      expect(json.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u)
    }),
  )
})
