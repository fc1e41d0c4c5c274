import { describe, expect, test } from 'vitest'
import { createDecoder } from '../../../../src/domain/event/decode.ts'
import { DEFAULT_RULES } from '../../../setup/domain/decode-rules.ts'
import { accept, decode, eventText, NOW, problemsOf, word } from '../../../setup/domain/decoding.ts'
import { eventTraits } from '../../../setup/domain/event-traits.ts'

describe('the sample of the contract', () => {
  const sample = `{"user_id": "user123", "group_id": "account123",
     "traits": {"name": "account name", "industry": "industry belongs to",
                "plan": "name of plan associate with account",
                "employees": "total number of employees account have"},
     "timestamp": "20-11-23T22:28:55.111Z"}`

  test('is accepted unchanged', () => {
    expect(decode(sample)).toEqual({
      kind: 'group',
      groupId: 'account123',
      userId: 'user123',
      assigned: true,
      clock: Date.UTC(2020, 10, 23, 22, 28, 55, 111) * 1000,
      traits: eventTraits([
        ['name', 'account name'],
        ['industry', 'industry belongs to'],
        ['plan', 'name of plan associate with account'],
        ['employees', 'total number of employees account have'],
      ]),
    })
  })
})

describe('a value that is not an event', () => {
  test.each<[string, Buffer, string]>([
    ['an empty value', Buffer.alloc(0), 'empty_value '],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 'not_utf8 '],
    ['an overlong encoding', Buffer.from([0x22, 0xc0, 0x80, 0x22]), 'not_utf8 '],
    ['a surrogate encoded as UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 'not_utf8 '],
    ['a character cut in half', Buffer.from('{"a":"é"}').subarray(0, 7), 'not_utf8 '],
    ['Latin-1', Buffer.from('{"a":"é"}', 'latin1'), 'not_utf8 '],
    ['UTF-16', Buffer.from('\uFEFF{}', 'utf16le'), 'not_utf8 '],
    ['text', Buffer.from('hello'), 'not_json '],
    ['only blanks', Buffer.from(' \n'), 'not_json '],
    ['half a document', Buffer.from('{"group_id":'), 'not_json '],
    ['two documents', Buffer.from('{}{}'), 'not_json '],
    ['JavaScript', Buffer.from("{group_id: 'acme'}"), 'not_json '],
    ['a trailing comma', Buffer.from('{"a":1,}'), 'not_json '],
    ['NaN', Buffer.from('{"a":NaN}'), 'not_json '],
    ['a number with a leading zero', Buffer.from('{"a":01}'), 'not_json '],
    ['a tab within a string', Buffer.from('{"a":"\t"}'), 'not_json '],
    ['a null', Buffer.from('null'), 'not_object '],
    ['an array of events', Buffer.from(`[${eventText()}]`), 'not_object '],
    ['a string', Buffer.from(JSON.stringify(eventText())), 'not_object '],
    ['a number', Buffer.from('1e400'), 'not_object '],
    ['true', Buffer.from('true'), 'not_object '],
    ['5,000 nested arrays', Buffer.from('['.repeat(5000) + ']'.repeat(5000)), 'not_object '],
  ])('%s is rejected with its reason and an empty path', (_what, value, problem) => {
    expect(problemsOf(value)).toEqual([problem])
  })

  test('a null value without the header of an erasure is rejected as empty', () => {
    const record = { offset: '0', timestamp: String(NOW), key: Buffer.from('acme'), value: null }
    expect(createDecoder(DEFAULT_RULES).decodeRecord(record, NOW)).toMatchObject({
      kind: 'rejected',
      problems: [{ reason: 'empty_value', path: '' }],
    })
  })

  test('a message never quotes the value', () => {
    for (const text of ['{"secret', '"secret"', eventText({ timestamp: '"secret"' })]) {
      expect(JSON.stringify(decode(text))).not.toContain('secret')
    }
    const traits = '{"email":{"secret":1},"address":{"city":["secret"]}}'
    expect(JSON.stringify(decode(eventText({ traits })))).not.toContain('secret')
  })
})

describe('text', () => {
  test('one leading byte order mark is dropped, but not two', () => {
    expect(accept(`\uFEFF${eventText()}`).groupId).toBe('acme')
    expect(accept(`\uFEFF${eventText({ group_id: '"é"' })}`).groupId).toBe('é')
    expect(problemsOf(`\uFEFF\uFEFF${eventText()}`)).toEqual(['not_json '])
  })

  test('nothing is normalised: composed and decomposed letters are different groups', () => {
    expect(accept(eventText({ group_id: '"\u00e9"' })).groupId).toBe('\u00e9')
    expect(accept(eventText({ group_id: '"e\u0301"' })).groupId).toBe('e\u0301')
    const traits = '{"\u00e9":"1","e\u0301":"2","ﬁ":"ﬁ"}'
    expect([...accept(eventText({ traits })).traits]).toEqual([
      ['\u00e9', '1'],
      ['e\u0301', '2'],
      ['ﬁ', 'ﬁ'],
    ])
  })

  test('a byte order mark, a zero or a line separator inside a string is kept', () => {
    const traits = '{"name":"\uFEFFa\\u0000b\u2028c"}'
    expect(accept(eventText({ traits })).traits.get('name')).toBe('\uFEFFa\0b\u2028c')
  })

  test('U+FFFD that the producer sent is kept', () => {
    expect(accept(eventText({ group_id: '"a\uFFFD"' })).groupId).toBe('a\uFFFD')
  })
})

describe('a value framed by a Confluent JSON Schema serializer', () => {
  const frame = (text: string) => Buffer.concat([Buffer.from([0, 0, 0, 1, 44]), Buffer.from(text)])

  test('is accepted like the JSON inside it', () => {
    expect(accept(frame(eventText()))).toEqual(accept(eventText()))
    expect(accept(frame(eventText({ group_id: '"é"' }))).groupId).toBe('é')
  })

  test('may have any schema id', () => {
    const framed = frame(eventText())
    framed.writeUInt32BE(0xff_ff_ff_ff, 1)
    expect(accept(framed).groupId).toBe('acme')
  })

  test.each([
    ['a frame around nothing', frame(''), 'not_json '],
    ['a frame cut short', Buffer.from([0, 0, 0]), 'not_json '],
    ['a zero alone', Buffer.from([0]), 'not_json '],
    ['Avro in the same frame', frame('\x06abc'), 'not_json '],
    ['bytes that are not UTF-8 in the frame', Buffer.from([0, 0, 0, 0, 1, 0xff]), 'not_utf8 '],
    ['a frame within a frame', frame(String(frame(eventText()))), 'not_json '],
  ])('%s is rejected', (_what, value, problem) => {
    expect(problemsOf(value)).toEqual([problem])
  })
})

describe('an event of another type', () => {
  test.each(['track', 'Group', 'GROUP', ' group', 'groups', ''])('%j is ignored', (type) => {
    expect(decode(eventText({ type: JSON.stringify(type) }))).toEqual({ kind: 'ignored', type })
  })

  test('is ignored regardless of what else is wrong with it', () => {
    const deep = `${'['.repeat(40)}${']'.repeat(40)}`
    const wrong = { type: '"track"', group_id: '[]', traits: deep, timestamp: 'false' }
    expect(decode(eventText(wrong))).toEqual({ kind: 'ignored', type: 'track' })
    expect(decode('{"type":"track"}')).toEqual({ kind: 'ignored', type: 'track' })
  })

  test('is still rejected if it is not a JSON object or too large', () => {
    expect(problemsOf('["type","track"]')).toEqual(['not_object '])
    const text = eventText({ type: '"track"' })
    expect(problemsOf(text, { maxEventBytes: text.length - 1 })).toEqual(['too_large '])
  })

  test.each(['"group"', 'null', undefined])('%s is not another type', (type) => {
    expect(decode(eventText({ type })).kind).toBe('group')
  })

  test.each(['5', 'true', '{}', '["group"]', '1e400'])(
    'a type that is not a string, like %s, is rejected',
    (type) => {
      expect(problemsOf(eventText({ type }))).toEqual(['invalid_field /type'])
    },
  )
})

describe('several problems', () => {
  test('are all reported, in the order group, user, traits, timestamp, context, type, assigned', () => {
    const text = `{"assigned":1,"type":5,"context":[],"timestamp":"x","traits":[],"user_id":"",
      "group_id":[]}`
    expect(problemsOf(text)).toEqual([
      'invalid_field /group_id',
      'invalid_field /user_id',
      'invalid_field /traits',
      'invalid_timestamp /timestamp',
      'invalid_field /context',
      'invalid_field /type',
      'invalid_field /assigned',
    ])
  })

  test('of missing fields are reported in the same order', () => {
    expect(problemsOf('{}')).toEqual([
      'missing_field /group_id',
      'missing_field /user_id',
      'missing_field /traits',
      'missing_field /timestamp',
    ])
  })

  test('of traits come between those of the user and of the timestamp', () => {
    const traits = `{"name":"${'x'.repeat(40_000)}","email":true,
      "address":{"city":false,"postalCode":"1","postal_code":"2"}," ":1}`
    expect(problemsOf(eventText({ user_id: '{}', traits, timestamp: '"x"' }))).toEqual([
      'invalid_field /user_id',
      'conflicting_fields /traits/address/postal_code',
      'invalid_trait /traits/email',
      'invalid_trait /traits/address/city',
      'invalid_trait /traits/ ',
      'too_large /traits/name',
      'invalid_timestamp /timestamp',
    ])
  })

  test('of an earlier field come before conflicting spellings of a later one', () => {
    const text = eventText({ group_id: undefined, userId: '"bob"' })
    expect(problemsOf(text)).toEqual(['missing_field /group_id', 'conflicting_fields /user_id'])
  })

  test('each have a message of one short line', () => {
    const name = 'n'.repeat(100_000)
    const decoded = decode(eventText({ traits: `{"${name}":"x"}`, assigned: '"yes"' }))
    if (decoded.kind !== 'rejected') throw new Error('not rejected')
    for (const { path, message } of decoded.problems) {
      expect(message).toMatch(/^.{5,200}$/)
      expect(path.length).toBeLessThan(300)
    }
  })
})

describe('the fields of a document', () => {
  test('that the contract does not name are accepted and not stored', () => {
    const text = eventText({ messageId: '"m"', channel: '5', sentAt: 'null', integrations: '{}' })
    expect(accept(text)).toEqual(accept(eventText()))
  })

  test('may have the same name: the last one counts', () => {
    const text = `{"group_id":"old","traits":{"a":1,"a":"2"},${eventText({ traits: undefined }).slice(1)}`
    const { groupId, traits } = accept(text)
    expect(groupId).toBe('acme')
    expect(word(traits.get('a'))).toBe('s:2')
  })

  test('may be named like members that every JavaScript object has', () => {
    const text = eventText({
      ['__proto__']: '{"user_id":"x"}',
      constructor: '{"prototype":{"group_id":"x"}}',
      toString: '1',
    })
    expect(accept(text).groupId).toBe('acme')
    const inPrototype = `{"__proto__":${eventText()}}`
    expect(problemsOf(inPrototype)).toHaveLength(4)
    expect(Object.keys({})).toEqual([])
    expect(({} as Record<string, unknown>).group_id).toBeUndefined()
  })
})

describe('a decoder', () => {
  test('returns the same for the same value, and shares nothing between events', () => {
    const decoder = createDecoder(DEFAULT_RULES)
    const value = Buffer.from(eventText({ traits: '{"address":{"city":"Ulm"}}' }))
    const first = decoder.decodeValue(value, NOW)
    decoder.decodeValue(Buffer.from('{}'), NOW)
    expect(decoder.decodeValue(value, NOW)).toEqual(first)
  })

  test('does not change the bytes', () => {
    const value = Buffer.from(eventText({ traits: '{"n":9007199254740993}' }))
    const before = Buffer.from(value)
    createDecoder(DEFAULT_RULES).decodeValue(value, NOW)
    expect(value).toEqual(before)
  })
})
