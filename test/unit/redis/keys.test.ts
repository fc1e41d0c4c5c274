import { describe, expect, test } from 'vitest'
import {
  clockKey,
  decodeId,
  encodeId,
  groupKey,
  groupsKey,
  leftKey,
  membersKey,
  userKey,
} from '../../../src/redis/keys.ts'

const prefixes = { groupPrefix: 'group:', userPrefix: 'user:' }

describe('the keys in Redis', () => {
  test('hold an ordinary id unchanged', () => {
    const group = groupKey(prefixes, 'account123')
    expect(group).toBe('group:{account123}')
    expect(clockKey(group)).toBe('group:{account123}:clock')
    expect(membersKey(group)).toBe('group:{account123}:members')
    expect(leftKey(group)).toBe('group:{account123}:left')
    const user = userKey(prefixes, 'user123')
    expect(groupsKey(user)).toBe('user:{user123}:groups')
    expect(leftKey(user)).toBe('user:{user123}:left')
  })

  test('begin with the configured prefixes', () => {
    const own = { groupPrefix: 'crm:g:', userPrefix: 'crm:u:' }
    expect(groupKey(own, 'a')).toBe('crm:g:{a}')
    expect(userKey(own, 'a')).toBe('crm:u:{a}')
  })

  test.each([
    ['}', '%7D'],
    ['{a}', '%7Ba%7D'],
    ['100%', '100%25'],
    ['%41', '%2541'],
    ['\u0000\u001f', '%00%1F'],
    ['\u007f', '%7F'],
    ['\u0080\u009f', '%C2%80%C2%9F'],
    ['\n', '%0A'],
  ])('percent-encode a character that would break them: %j', (id, encoded) => {
    expect(encodeId(id)).toBe(encoded)
    expect(decodeId(encoded)).toBe(id)
  })

  test.each(['ä', '😀', ' ', 'a:b', 'a/b?c#d', '\u00a0', '"', '\\', '__proto__', '\u2028'])(
    'hold any other character unchanged: %j',
    (id) => {
      expect(encodeId(id)).toBe(id)
      expect(decodeId(id)).toBe(id)
    },
  )

  test.each(['a%7d', 'a%', '%41', '%FF', 'a{b', 'a}'])(
    'a text that no id is encoded to is not decoded: %j',
    (text) => {
      expect(decodeId(text)).toBeNull()
    },
  )
})
