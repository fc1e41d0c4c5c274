import { describe, expect, test } from 'vitest'
import {
  compareStored,
  formOf,
  JsonText,
  type StoredValue,
  textOf,
} from '../../../../src/domain/json/stored-value.ts'

const json = (text: string) => new JsonText(text)

describe('stored values', () => {
  /** Each is less than all that follow. */
  const ascending: (StoredValue | null)[] = [
    null,
    '',
    '\0',
    '-1',
    json('-1'),
    '1',
    json('1'),
    json('10'),
    '9',
    'A',
    json('[]'),
    'a',
    'a\0',
    'aa',
    'b',
    json('true'),
    json('{}'),
    '\x7f',
    '\u0080',
    'é',
    '\u07ff',
    '\u0800',
    '\ud7ff',
    '\ue000',
    '\uFFFD',
    '\uffff',
    '\u{10000}',
    '😀',
    '\u{10ffff}',
  ]

  test('are ordered by UTF-8 bytes, then JSON over string; a removal is the least', () => {
    for (const [at, a] of ascending.entries()) {
      for (const [other, b] of ascending.entries()) {
        expect(Math.sign(compareStored(a, b))).toBe(Math.sign(at - other))
      }
    }
  })

  test('that are the same compare as equal, even if they are different objects', () => {
    expect(compareStored(json('1'), json('1'))).toBe(0)
    expect(compareStored('é', 'é'.slice())).toBe(0)
  })

  test('have a form for the clock field and a text for Redis', () => {
    expect(['x', json('1'), null].map(formOf)).toEqual(['', 'j', 'x'])
    expect(['x', json('1')].map(textOf)).toEqual(['x', '1'])
  })
})
