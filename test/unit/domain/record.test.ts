import { describe, expect, test } from 'vitest'
import { type KafkaRecord, lastHeader } from '../../../src/domain/record.ts'

describe('the last header of a name', () => {
  const last = (headers: unknown, name = 'a') => {
    const record = { offset: '0', timestamp: '0', key: null, value: null, headers }
    return lastHeader(record as KafkaRecord, name)?.toString('latin1')
  }

  test.each([
    ['bytes as they are', { a: Buffer.from([0, 255]) }, '\0\xff'],
    ['a string as its bytes', { a: 'é' }, '\xc3\xa9'],
    ['empty', { a: Buffer.alloc(0) }, ''],
    ['empty where it has no value', { a: null }, ''],
    ['the last of several', { a: [Buffer.from('1'), Buffer.from('2')] }, '2'],
    ['the last of several, empty', { a: [Buffer.from('1'), null] }, ''],
  ])('is %s', (_what, headers, expected) => {
    expect(last(headers)).toBe(expected)
  })

  test.each([
    ['no headers', undefined],
    ['none of the name', { b: 'x', A: 'x' }],
    ['none with anything in it', { a: [] }],
  ])('is absent where there are %s', (_what, headers) => {
    expect(last(headers)).toBeUndefined()
  })

  test('is no member that every object has', () => {
    expect(last({}, 'constructor')).toBeUndefined()
    expect(last({}, '__proto__')).toBeUndefined()
    expect(last({}, 'toString')).toBeUndefined()
  })
})
