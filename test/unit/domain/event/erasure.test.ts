import { describe, expect, test } from 'vitest'
import { createDecoder, type DecodeRules } from '../../../../src/domain/event/decode.ts'
import type { KafkaRecord, RecordHeaders } from '../../../../src/domain/record.ts'
import { DEFAULT_RULES } from '../../../setup/domain/decode-rules.ts'
import { eventText, NOW } from '../../../setup/domain/decoding.ts'

const DAY = 86_400_000
const HEADER = '/$headers/group-traits.erase'

const erasing = (time: string | Buffer): RecordHeaders => ({ 'group-traits.erase': time })

function decodeRecord(record: Partial<KafkaRecord>, rules: Partial<DecodeRules> = {}) {
  const whole = { offset: '0', timestamp: String(NOW), key: Buffer.from('acme'), value: null }
  return createDecoder({ ...DEFAULT_RULES, ...rules }).decodeRecord({ ...whole, ...record }, NOW)
}

function problems(record: Partial<KafkaRecord>, rules: Partial<DecodeRules> = {}): string[] {
  const decoded = decodeRecord(record, rules)
  if (decoded.kind !== 'rejected') return []
  return decoded.problems.map(({ reason, path }) => `${reason} ${path}`)
}

describe('a null value with the header group-traits.erase', () => {
  test.each([
    ['2020-11-23T22:28:55.111Z', Date.UTC(2020, 10, 23, 22, 28, 55, 111) * 1000],
    ['20-11-23T22:28:55,111222+00', Date.UTC(2020, 10, 23, 22, 28, 55, 111) * 1000 + 222],
    ['2020-11-23 22:28:55.111222999', Date.UTC(2020, 10, 23, 22, 28, 55, 111) * 1000 + 222],
    ['2020-11-23', Date.UTC(2020, 10, 23) * 1000],
    ['1606170535', 1606170535_000_000],
    ['1606170535.9999999', 1606170535_999_999],
    ['1606170535111', 1606170535_111_000],
    ['1606170535111222', 1606170535_111_222],
    ['1.6e9', 1600000000_000_000],
    ['0', 0],
  ])('erases the group as of its time: %s', (time, clock) => {
    const erasure = { kind: 'erasure', groupId: 'acme', clock }
    expect(decodeRecord({ headers: erasing(time) })).toEqual(erasure)
    expect(decodeRecord({ headers: erasing(Buffer.from(time)) })).toEqual(erasure)
  })

  test('that is empty erases as of the end of the millisecond of the Kafka timestamp', () => {
    const timestamp = String(NOW - DAY)
    for (const headers of [erasing(''), erasing(Buffer.alloc(0))]) {
      expect(decodeRecord({ timestamp, headers })).toMatchObject({
        kind: 'erasure',
        clock: (NOW - DAY) * 1000 + 999,
      })
    }
  })

  test('without a value erases like an empty one', () => {
    const headers = { 'group-traits.erase': null } as unknown as RecordHeaders
    expect(decodeRecord({ headers })).toMatchObject({ kind: 'erasure', clock: NOW * 1000 + 999 })
  })

  test.each(['-1', '0', String(NOW + DAY + 1)])(
    'that is empty erases as of now if the Kafka timestamp is %s',
    (timestamp) => {
      expect(decodeRecord({ timestamp, headers: erasing('') })).toMatchObject({
        kind: 'erasure',
        clock: NOW * 1000 + 999,
      })
    },
  )

  test('that is present twice: the last one counts', () => {
    const headers = { 'group-traits.erase': [Buffer.from('2020-01-01'), Buffer.from('0')] }
    expect(decodeRecord({ headers })).toMatchObject({ clock: 0 })
  })

  test.each([
    ['now', 'invalid_timestamp'],
    [' ', 'invalid_timestamp'],
    [' 2020-11-23', 'invalid_timestamp'],
    ['2020-02-30', 'invalid_timestamp'],
    ['"2020-11-23"', 'invalid_timestamp'],
    ['01606170535', 'invalid_timestamp'],
    ['+1606170535', 'invalid_timestamp'],
    ['true', 'invalid_timestamp'],
    ['-1', 'timestamp_too_early'],
    ['1969-12-31', 'timestamp_too_early'],
    ['9999-12-31', 'timestamp_in_future'],
    ['1e400', 'timestamp_in_future'],
  ])('with the time %j erases nothing', (time, reason) => {
    expect(problems({ headers: erasing(time) })).toEqual([`${reason} ${HEADER}`])
  })

  test('with bytes that are not text erases nothing', () => {
    const headers = erasing(Buffer.from([0xff, 0xfe]))
    expect(problems({ headers })).toEqual([`invalid_timestamp ${HEADER}`])
  })

  test('must not be later than the record plus the allowed skew', () => {
    const at = (ms: number) => ({ headers: erasing(String(ms)) })
    expect(problems(at(NOW + DAY))).toEqual([])
    expect(problems(at(NOW + DAY + 1))).toEqual([`timestamp_in_future ${HEADER}`])
    expect(problems({ ...at(NOW), timestamp: String(NOW - DAY - 1) })).toHaveLength(1)
    expect(problems({ headers: erasing('') }, { maxClockSkewMs: 0 })).toEqual([])
  })
})

describe('the key of an erasure', () => {
  const problemsOfKey = (key: Buffer | null) => problems({ key, headers: erasing('') })

  test.each([
    ' a ',
    'é',
    '😀',
    '\uFEFFa',
    '007',
    '{"group_id":"acme"}',
    '"acme"',
    '__proto__',
    'a\0',
  ])('is the exact id of the group: %j', (id) => {
    expect(decodeRecord({ key: Buffer.from(id), headers: erasing('') })).toMatchObject({
      kind: 'erasure',
      groupId: id,
    })
  })

  test.each([
    ['absent', null],
    ['empty', Buffer.alloc(0)],
    ['blank', Buffer.from(' \uFEFF')],
    ['invalid UTF-8', Buffer.from([0x61, 0xff])],
    ['longer than 512 bytes', Buffer.from('é'.repeat(257))],
  ])('must not be %s', (_what, key) => {
    expect(problemsOfKey(key)).toEqual(['invalid_field /$key'])
  })

  test.each([
    [null, 'is missing'],
    [Buffer.from([0x61, 0xff]), 'is not UTF-8'],
    [Buffer.from(' '), 'must not be blank'],
  ])('%j is rejected with a message that says what is wrong', (key, wrong) => {
    expect(decodeRecord({ key, headers: erasing('') })).toMatchObject({
      problems: [{ message: `the key of an erasure must be the group's id: the key ${wrong}` }],
    })
  })

  test('may have 512 bytes', () => {
    expect(problemsOfKey(Buffer.from('é'.repeat(256)))).toEqual([])
  })

  test('is reported before the time if both are wrong', () => {
    expect(problems({ key: null, headers: erasing('x') })).toEqual([
      'invalid_field /$key',
      `invalid_timestamp ${HEADER}`,
    ])
  })
})

describe('an accident', () => {
  test.each<[string, Partial<KafkaRecord>]>([
    ['a null value without headers', {}],
    ['a null value with other headers', { headers: { erase: '', 'Group-Traits.Erase': '' } }],
    ['a null value without a key', { key: null }],
    ['an empty value with the header', { value: Buffer.alloc(0), headers: erasing('') }],
  ])('erases nothing: %s', (_what, record) => {
    expect(problems(record)).toEqual(['empty_value '])
  })

  test('with the header on an event does not change the event', () => {
    const value = Buffer.from(eventText())
    expect(decodeRecord({ value, headers: erasing('') })).toEqual(decodeRecord({ value }))
  })
})

describe('with tombstones: erase', () => {
  const rules = { tombstones: 'erase' } as const

  test('every null value with a key erases as of its Kafka timestamp', () => {
    expect(decodeRecord({}, rules)).toEqual({
      kind: 'erasure',
      groupId: 'acme',
      clock: NOW * 1000 + 999,
    })
  })

  test('the header still sets the time', () => {
    expect(decodeRecord({ headers: erasing('0') }, rules)).toMatchObject({ clock: 0 })
  })

  test('a null value without a key is rejected as empty', () => {
    expect(problems({ key: null }, rules)).toEqual(['empty_value '])
  })

  test('a null value with an invalid key is rejected for the key', () => {
    expect(problems({ key: Buffer.from(' ') }, rules)).toEqual(['invalid_field /$key'])
    expect(problems({ key: Buffer.alloc(0) }, rules)).toEqual(['invalid_field /$key'])
  })

  test('an empty value erases nothing', () => {
    expect(problems({ value: Buffer.alloc(0) }, rules)).toEqual(['empty_value '])
  })
})
