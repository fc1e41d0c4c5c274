import { expect, test } from 'vitest'
import {
  pairsOf,
  parseClock,
  parseClockField,
  parseHeader,
  parseMembership,
} from '../../../../src/redis/reading/layout.ts'

const DIGITS = '1704067200000001'
const CLOCK = 1_704_067_200_000_001
const TOO_LATE = '9007199254740992' // 2^53

test('a clock field is 16 digits and the form of the value', () => {
  expect(parseClockField(DIGITS)).toEqual({ clock: CLOCK, form: '' })
  expect(parseClockField(`${DIGITS}j`)).toEqual({ clock: CLOCK, form: 'j' })
  expect(parseClockField(`${DIGITS}x`)).toEqual({ clock: CLOCK, form: 'x' })
  for (const text of ['', 'noon', '1', `${DIGITS}0`, `${DIGITS}y`, `${DIGITS}\n`, TOO_LATE]) {
    expect(parseClockField(text), text).toBeNull()
  }
})

test('a header is the latest clock, and the time of the erasure if there was one', () => {
  expect(parseHeader(DIGITS)).toEqual({ latest: CLOCK, erasedAt: -1 })
  expect(parseHeader(DIGITS + '0'.repeat(16))).toEqual({ latest: CLOCK, erasedAt: 0 })
  for (const text of ['', `${DIGITS}j`, DIGITS.repeat(3), TOO_LATE, DIGITS + TOO_LATE]) {
    expect(parseHeader(text), text).toBeNull()
  }
})

test('a score is a clock, whatever its number of digits', () => {
  expect(['0', '7', DIGITS].map(parseClock)).toEqual([0, 7, CLOCK])
  expect(['', '1.5', '-1', 'inf', '1e+17', TOO_LATE].map(parseClock)).toEqual(Array(6).fill(null))
})

test('two scores make a membership, or say what is wrong', () => {
  expect(parseMembership(null, null)).toBeNull()
  expect(parseMembership('5', null)).toEqual({ clock: 5, member: true })
  expect(parseMembership(null, '5')).toEqual({ clock: 5, member: false })
  expect(parseMembership('5', '6')).toBe('both a member and one who left')
  expect(parseMembership('1.5', null)).toBe('a score of 1.5, which is no time')
})

test('a flat reply is split into pairs', () => {
  expect(pairsOf([])).toEqual([])
  expect(pairsOf(['a', '1', 'b', '2'])).toEqual([
    ['a', '1'],
    ['b', '2'],
  ])
})
