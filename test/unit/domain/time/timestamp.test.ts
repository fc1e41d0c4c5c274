import { describe, expect, test } from 'vitest'
import {
  formatClock,
  MAX_CLOCK,
  parseDateTime,
  parseEpoch,
} from '../../../../src/domain/time/timestamp.ts'

const SECOND = 1606170535_000_000

describe('a date-time', () => {
  test.each([
    ['2020-11-23T22:28:55Z', SECOND],
    ['2020-11-23t22:28:55z', SECOND],
    ['2020-11-23 22:28:55Z', SECOND],
    ['2020-11-23T22:28:55', SECOND],
    ['2020-11-23 22:28:55', SECOND],
    ['20-11-23T22:28:55Z', SECOND],
    ['20-11-23 22:28:55', SECOND],
    ['20-11-23t22:28:55+00', SECOND],
    ['2020-11-23T22:28Z', SECOND - 55e6],
    ['2020-11-23 22:28', SECOND - 55e6],
    ['20-11-23T22:28+00:00', SECOND - 55e6],
    ['2020-11-23', Date.UTC(2020, 10, 23) * 1000],
    ['20-11-23', Date.UTC(2020, 10, 23) * 1000],
    ['00-01-01', Date.UTC(2000, 0, 1) * 1000],
    ['70-01-01', Date.UTC(2070, 0, 1) * 1000],
    ['99-12-31T23:59:59Z', Date.UTC(2099, 11, 31, 23, 59, 59) * 1000],
    ['1970-01-01T00:00:00Z', 0],
    ['1970-01-01', 0],
    ['2000-02-29', Date.UTC(2000, 1, 29) * 1000],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29) * 1000],
    ['2016-12-31T23:59:59Z', Date.UTC(2016, 11, 31, 23, 59, 59) * 1000],
  ])('%s is accepted', (text, clock) => {
    expect(parseDateTime(text)).toBe(clock)
  })

  test.each([
    ['Z', 0],
    ['z', 0],
    ['', 0],
    ['+00:00', 0],
    ['-00:00', 0],
    ['-00', 0],
    ['+05:30', 330],
    ['+0530', 330],
    ['+05', 300],
    ['-05', -300],
    ['-0530', -330],
    ['-05:30', -330],
    ['+23:59', 1439],
    ['-23:59', -1439],
    ['+2359', 1439],
    ['+14:00', 840],
    ['-12', -720],
  ])('with offset %j is %i minutes ahead of UTC', (offset, minutes) => {
    for (const local of ['2020-11-23T22:28:55', '20-11-23 22:28:55', '2020-11-23t22:28:55.000']) {
      expect(parseDateTime(`${local}${offset}`)).toBe(SECOND - minutes * 60e6)
    }
  })

  test.each([
    ['1', 100_000],
    ['12', 120_000],
    ['111', 111_000],
    ['1112', 111_200],
    ['11122', 111_220],
    ['111222', 111_222],
    ['1112223', 111_222],
    ['11122233', 111_222],
    ['111222333', 111_222],
    ['999999999', 999_999],
    ['000001', 1],
    ['0000009', 0],
    ['000000000', 0],
  ])('with a fraction of %s is cut to microseconds', (fraction, micros) => {
    expect(parseDateTime(`2020-11-23T22:28:55.${fraction}Z`)).toBe(SECOND + micros)
    expect(parseDateTime(`2020-11-23T22:28:55,${fraction}`)).toBe(SECOND + micros)
    expect(parseDateTime(`20-11-23 22:28:55,${fraction}+00:00`)).toBe(SECOND + micros)
  })

  test('may be up to and beyond the latest clock', () => {
    expect(parseDateTime('2255-06-05T23:47:34.740991Z')).toBe(MAX_CLOCK)
    expect(parseDateTime('2255-06-05T23:47:34.740992Z')).toBe(MAX_CLOCK + 1)
    expect(parseDateTime('9999-12-31T23:59:59.999999-23:59')).toBeGreaterThan(MAX_CLOCK)
  })

  test('before 1970 is negative', () => {
    expect(parseDateTime('1969-12-31T23:59:59.999999Z')).toBe(-1)
    expect(parseDateTime('1970-01-01T00:00:00+00:01')).toBe(-60e6)
    expect(parseDateTime('0000-01-01T00:00:00Z')).toBe(-62167219200e6)
    expect(parseDateTime('0001-01-01')).toBe(-62135596800e6)
  })

  test.each([
    ['February 29 of a common year', '2023-02-29'],
    ['February 30', '2024-02-30T00:00:00Z'],
    ['February 29 of a century', '1900-02-29'],
    ['February 29 of 2100', '2100-02-29T00:00:00Z'],
    ['February 29 of a two-digit year', '21-02-29'],
    ['April 31', '2020-04-31'],
    ['June 31', '2020-06-31'],
    ['September 31', '2020-09-31'],
    ['November 31', '2020-11-31'],
    ['the 32nd', '2020-01-32'],
    ['day 0', '2020-11-00'],
    ['month 0', '2020-00-23'],
    ['month 13', '2020-13-01'],
    ['24:00', '2020-11-23T24:00:00Z'],
    ['24:00 without seconds', '2020-11-23T24:00'],
    ['25 hours', '2020-11-23T25:00:00Z'],
    ['60 minutes', '2020-11-23T22:60:00Z'],
    ['a leap second', '2016-12-31T23:59:60Z'],
    ['61 seconds', '2020-11-23T22:28:61Z'],
    ['an offset of 24 hours', '2020-11-23T22:28:55+24:00'],
    ['an offset of 60 minutes', '2020-11-23T22:28:55+05:60'],
    ['an offset of one digit', '2020-11-23T22:28:55+5'],
    ['an offset of three digits', '2020-11-23T22:28:55+530'],
    ['an offset with seconds', '2020-11-23T22:28:55+05:30:00'],
    ['an incomplete offset', '2020-11-23T22:28:55+05:'],
    ['an offset with a typographic minus sign', '2020-11-23T22:28:55\u221205:00'],
    ['an offset and Z', '2020-11-23T22:28:55Z+00:00'],
    ['a zone by name', '2020-11-23T22:28:55 UTC'],
    ['a zone in brackets', '2020-11-23T22:28:55Z[Europe/Berlin]'],
    ['a bare date with Z', '2020-11-23Z'],
    ['a bare date with an offset', '2020-11-23+05:30'],
    ['a date and a T', '2020-11-23T'],
    ['hours alone', '2020-11-23T22'],
    ['hours alone with Z', '2020-11-23T22Z'],
    ['a fraction of minutes', '2020-11-23T22:28.5Z'],
    ['a fraction without digits', '2020-11-23T22:28:55.Z'],
    ['a fraction of ten digits', '2020-11-23T22:28:55.1234567890Z'],
    ['two fractions', '2020-11-23T22:28:55.1.1Z'],
    ['a time alone', '22:28:55Z'],
    ['a month alone', '2020-11'],
    ['a year alone', '2020'],
    ['ten digits', '1606170535'],
    ['thirteen digits', '1606170535111'],
    ['digits and a fraction', '1606170535.111'],
    ['eight digits', '20201123'],
    ['the basic form', '20201123T222855Z'],
    ['a week', '2020-W48-1'],
    ['a day of the year', '2020-328'],
    ['a year of five digits', '12020-11-23T22:28:55Z'],
    ['a year of five digits with a sign', '+12020-11-23'],
    ['a year of six digits with a sign', '+002020-11-23T22:28:55Z'],
    ['a year of three digits', '120-11-23'],
    ['a year of one digit', '0-11-23'],
    ['a negative year', '-2020-11-23'],
    ['a month of one digit', '2020-1-23'],
    ['a day of one digit', '2020-11-3'],
    ['an hour of one digit', '2020-11-23T2:28:55Z'],
    ['slashes', '2020/11/23'],
    ['day first', '23-11-2020'],
    ['month first', '11/23/2020'],
    ['RFC 2822', 'Mon, 23 Nov 2020 22:28:55 GMT'],
    ['what Date prints', 'Mon Nov 23 2020'],
    ['a blank before it', ' 2020-11-23'],
    ['a blank after it', '2020-11-23 '],
    ['a line end after it', '2020-11-23T22:28:55Z\n'],
    ['a byte order mark before it', '\uFEFF2020-11-23'],
    ['two blanks between', '2020-11-23  22:28:55'],
    ['a tab between', '2020-11-23\t22:28:55'],
    ['a no-break space between', '2020-11-23\u00a022:28:55'],
    ['an underscore between', '2020-11-23_22:28:55'],
    ['full-width digits', '２０２０-11-23'],
    ['Arabic digits', '٢٠٢٠-11-23'],
    ['nothing', ''],
    ['a word', 'now'],
    ['null', 'null'],
    ['hex', '0x5fbc'],
  ])('cannot be %s', (_what, text) => {
    expect(parseDateTime(text)).toBeUndefined()
  })
})

describe('a number since 1970', () => {
  test.each([
    ['0', 0],
    ['1', 1_000_000],
    ['1606170535', SECOND],
    ['9007199254', 9007199254_000_000],
    ['9007199254.740991', MAX_CLOCK],
    ['9007199254.7409919', MAX_CLOCK],
    ['1.606170535e9', SECOND],
    ['16061705.35E+2', SECOND],
    ['1606170535000e-3', SECOND],
    ['0.000001', 1],
    ['0.0000009', 0],
    ['1e-6', 1],
    ['1e-7', 0],
    ['1e-99999999999999999999', 0],
    ['0e99999999999999999999', 0],
    ['0.5', 500_000],
    ['1606170535.9999999', SECOND + 999_999],
    ['1606170535.000', SECOND],
  ])('%s, below 1e11, is in seconds', (text, clock) => {
    expect(parseEpoch(text)).toBe(clock)
  })

  test.each([
    ['100000000000', 100_000_000_000_000],
    ['1e11', 100_000_000_000_000],
    ['100000000000.0', 100_000_000_000_000],
    ['1606170535111', SECOND + 111_000],
    ['1606170535111.2229', SECOND + 111_222],
    ['1.606170535111e12', SECOND + 111_000],
    ['9007199254740.991', MAX_CLOCK],
  ])('%s, from 1e11 on, is in milliseconds', (text, clock) => {
    expect(parseEpoch(text)).toBe(clock)
  })

  test.each([
    ['100000000000000', 100_000_000_000_000],
    ['1e14', 100_000_000_000_000],
    ['1606170535111222', SECOND + 111_222],
    ['1606170535111222.999', SECOND + 111_222],
    ['9007199254740991', MAX_CLOCK],
    ['9007199254740991.9999999', MAX_CLOCK],
    ['9007199254740992', MAX_CLOCK + 1],
  ])('%s, from 1e14 on, is in microseconds', (text, clock) => {
    expect(parseEpoch(text)).toBe(clock)
  })

  test('just below a limit still has the larger unit', () => {
    // as seconds or milliseconds these are far beyond the latest clock: the year 5138
    expect(parseEpoch('99999999999')).toBeGreaterThan(MAX_CLOCK)
    expect(parseEpoch('99999999999.999999999')).toBeGreaterThan(MAX_CLOCK)
    expect(parseEpoch('99999999999999')).toBeGreaterThan(MAX_CLOCK)
    expect(parseEpoch('99999999999999.9')).toBeGreaterThan(MAX_CLOCK)
  })

  test.each(['9007199254.740992', '9007199254740.992', '1e17', '1e400', '1e99999999999999999999'])(
    '%s is over the latest clock',
    (text) => {
      expect(parseEpoch(text)).toBeGreaterThan(MAX_CLOCK)
    },
  )

  test.each(['-1', '-0.0000001', '-1e-400', '-1606170535', '-1e400'])(
    '%s is before 1970',
    (text) => {
      expect(parseEpoch(text)).toBeLessThan(0)
    },
  )

  test('-0 is 0', () => {
    expect(parseEpoch('-0')).toBe(0)
    expect(parseEpoch('-0.000e5')).toBe(0)
  })

  test.each([
    '',
    ' 1',
    '1 ',
    '+1',
    '.5',
    '5.',
    '01',
    '-01',
    '0x10',
    '1_000',
    '1,5',
    'NaN',
    'Infinity',
    '1e',
    '1e1.5',
    '١',
    '2020-11-23',
  ])('%j is not a number of JSON', (text) => {
    expect(parseEpoch(text)).toBeUndefined()
  })
})

describe('formatting a clock', () => {
  test.each([
    [0, '1970-01-01T00:00:00.000000Z'],
    [1, '1970-01-01T00:00:00.000001Z'],
    [999, '1970-01-01T00:00:00.000999Z'],
    [1000, '1970-01-01T00:00:00.001000Z'],
    [SECOND + 111_222, '2020-11-23T22:28:55.111222Z'],
    [MAX_CLOCK, '2255-06-05T23:47:34.740991Z'],
  ])('%i is written as %s, which is read as the same clock', (clock, text) => {
    expect(formatClock(clock)).toBe(text)
    expect(parseDateTime(text)).toBe(clock)
  })
})
