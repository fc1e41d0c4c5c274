import { describe, expect, test } from 'vitest'
import { type KafkaRecord, lastHeader } from '../../../src/domain/record.ts'

describe('the last value of a header', () => {
  const last = (headers: unknown, name = 'a') => {
    const record = { offset: '0', timestamp: '0', key: null, value: null, headers }
    return lastHeader(record as KafkaRecord, name)?.toString('latin1')
  }

  test.each([
    ['its bytes unchanged', { a: Buffer.from([0, 255]) }, '\0\xff'],
    ['the UTF-8 of a string', { a: 'é' }, '\xc3\xa9'],
    ['empty', { a: Buffer.alloc(0) }, ''],
    ['empty for a header without a value', { a: null }, ''],
    ['the last one of several', { a: [Buffer.from('1'), Buffer.from('2')] }, '2'],
    ['the last one of several, even if it has no value', { a: [Buffer.from('1'), null] }, ''],
  ])('is %s', (_what, headers, expected) => {
    expect(last(headers)).toBe(expected)
  })

  test.each([
    ['without headers', undefined],
    ['with other names only', { b: 'x', A: 'x' }],
    ['with an empty list', { a: [] }],
  ])('is undefined for a record %s', (_what, headers) => {
    expect(last(headers)).toBeUndefined()
  })

  test('is not a member that every JavaScript object has', () => {
    expect(last({}, 'constructor')).toBeUndefined()
    expect(last({}, '__proto__')).toBeUndefined()
    expect(last({}, 'toString')).toBeUndefined()
  })
})
