import { describe, expect, test } from 'vitest'
import { parseDecimal, sameDecimal } from '../../../../src/domain/json/decimal.ts'

describe('parsing a decimal', () => {
  test.each([
    ['0', false, '', 0],
    ['-0', false, '', 0],
    ['0.000', false, '', 0],
    ['-0e-99', false, '', 0],
    ['1', false, '1', 0],
    ['-1', true, '1', 0],
    ['100', false, '1', 2],
    ['1.10', false, '11', -1],
    ['0.001', false, '1', -3],
    ['120.034500', false, '1200345', -4],
    ['1e3', false, '1', 3],
    ['1E+3', false, '1', 3],
    ['10e-1', false, '1', 0],
    ['1e003', false, '1', 3],
    ['-12.5e10', true, '125', 9],
  ])('%s is split into sign, digits and exponent', (text, negative, digits, exponent) => {
    expect(parseDecimal(text)).toEqual({ negative, digits, exponent })
  })

  test.each(['', '-', '+1', '01', '-00', '.1', '1.', '1e', '1e+', 'Infinity', 'NaN', '1 ', '１'])(
    '%j is not a decimal',
    (text) => {
      expect(parseDecimal(text)).toBeUndefined()
      expect(sameDecimal(text, text)).toBe(false)
    },
  )
})

describe('comparing two decimals', () => {
  test.each([
    ['1.10', '1.1'],
    ['1e21', '1e+21'],
    ['250.0', '250'],
    ['-0', '0'],
    ['0e5', '0.00'],
    ['123456789012345678901234567890', '1.2345678901234567890123456789e29'],
  ])('%s and %s are equal', (a, b) => {
    expect(sameDecimal(a, b)).toBe(true)
    expect(sameDecimal(b, a)).toBe(true)
  })

  test.each([
    ['1', '-1'],
    ['1', '10'],
    ['9007199254740993', '9007199254740992'],
    ['0.1000000000000000055', '0.1'],
    ['1e400', 'Infinity'],
    ['1e-400', '0'],
  ])('%s and %s are not equal', (a, b) => {
    expect(sameDecimal(a, b)).toBe(false)
    expect(sameDecimal(b, a)).toBe(false)
  })
})
