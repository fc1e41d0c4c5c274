import { describe, expect, inject, test } from 'vitest'
import { JsonText } from '../../../src/domain/json/stored-value.ts'
import { fold } from '../../../src/domain/merge/merge.ts'
import { eventOf, patchOf } from '../../setup/domain/patches.ts'
import { changesOf, useEmptyRedis } from './empty-redis.ts'

const binary = inject('redisServer')

describe.skipIf(binary === '')('the group store', () => {
  const { connection, merge, raw } = useEmptyRedis()

  test("stores the contract's sample exactly as documented", async () => {
    const sample = eventOf({
      groupId: 'account123',
      userId: 'user123',
      clock: 1606170535111000,
      traits: {
        name: 'account name',
        industry: 'industry belongs to',
        plan: 'name of plan associate with account',
        employees: 'total number of employees account have',
      },
    })
    expect(await merge(...fold([sample]).values())).toEqual([])

    expect(((await raw('KEYS', '*')) as string[]).sort()).toEqual([
      'group:{account123}',
      'group:{account123}:clock',
      'group:{account123}:members',
      'user:{user123}:groups',
    ])
    expect(await raw('HGETALL', 'group:{account123}')).toEqual([
      ...['name', 'account name', 'industry', 'industry belongs to'],
      ...['plan', 'name of plan associate with account'],
      ...['employees', 'total number of employees account have'],
    ])
    expect(await raw('HGETALL', 'group:{account123}:clock')).toEqual([
      ...['', '1606170535111000', 'name', '1606170535111000', 'industry', '1606170535111000'],
      ...['plan', '1606170535111000', 'employees', '1606170535111000'],
    ])
    const seen = (member: string) => [member, '1606170535111000']
    expect(await raw('ZRANGE', 'group:{account123}:members', 0, -1, 'WITHSCORES')).toEqual(
      seen('user123'),
    )
    expect(await raw('ZRANGE', 'user:{user123}:groups', 0, -1, 'WITHSCORES')).toEqual(
      seen('account123'),
    )
  })

  test('stores in the clocks which values are JSON, what was removed, and the erasure', async () => {
    await merge(
      patchOf('a', { clock: 100, traits: { n: new JsonText('250.5'), s: '250.5', gone: null } }),
    )
    await merge({ ...patchOf('a', { clock: 50 }), latest: 50, erasedAt: 50 })
    expect(await raw('HGETALL', 'group:{a}')).toEqual(['n', '250.5', 's', '250.5'])
    expect(await raw('HGETALL', 'group:{a}:clock')).toEqual([
      ...['', '00000000000001000000000000000050', 'n', '0000000000000100j'],
      ...['s', '0000000000000100', 'gone', '0000000000000100x'],
    ])
  })

  test('stores the latest clock of a group without traits', async () => {
    await merge(patchOf('a', { clock: 1606170535111000 }))
    expect(await raw('KEYS', '*')).toEqual(['group:{a}:clock'])
    expect(await raw('HGETALL', 'group:{a}:clock')).toEqual(['', '1606170535111000'])
  })

  test('stores text to the last byte, with any trait name and any id', async () => {
    const text = '\u0000\r\n"\\ é \ufffd 😀 \u{10ffff}'
    const traits = new Map([
      ['__proto__', text],
      ['constructor', text],
      ['1', text],
      ['0', text],
      ['a\u0000b', text],
    ])
    const groupId = '}{%\u0000\u0085é😀'
    await merge(patchOf(groupId, { clock: 1, traits, users: { '}u{': true } }))
    const key = 'group:{%7D%7B%25%00%C2%85é😀}'
    expect(await raw('HGETALL', key)).toEqual(Array.from(traits).flat())
    const bytes = await connection().client.hgetBuffer(key, '__proto__')
    expect(bytes).toEqual(Buffer.from(text))
    expect(await raw('ZRANGE', `${key}:members`, 0, -1)).toEqual(['}u{'])
    expect(await raw('ZRANGE', 'user:{%7Du%7B}:groups', 0, -1)).toEqual([groupId])
  })

  test('moves a user between members and left, in the group and in the index', async () => {
    const at = (clock: number, member: boolean) =>
      merge(patchOf('g', { clock, users: { u: member } }))
    await at(1, true)
    await at(3, false)
    await at(2, true)
    expect(((await raw('KEYS', '*')) as string[]).sort()).toEqual([
      'group:{g}:clock',
      'group:{g}:left',
      'user:{u}:left',
    ])
    expect(await raw('ZRANGE', 'user:{u}:left', 0, -1, 'WITHSCORES')).toEqual(['g', '3'])
    await at(3, true)
    expect(((await raw('KEYS', '*')) as string[]).sort()).toEqual([
      'group:{g}:clock',
      'group:{g}:members',
      'user:{u}:groups',
    ])
  })

  test('writes nothing for a duplicate or an older event', async () => {
    const traits = { plan: 'pro', old: null, address: new JsonText('{"city":"Oslo"}') }
    const users = { u1: true, u2: false }
    await merge(patchOf('g', { clock: 5, traits, users }))
    const changes = await changesOf(connection())
    await merge(patchOf('g', { clock: 5, traits, users }))
    await merge(
      patchOf('g', { clock: 4, traits: { plan: 'free', new: null }, users: { u1: false } }),
    )
    expect(await raw('HGET', 'group:{g}:clock', 'new')).toBe('0000000000000004x')
    expect(await changesOf(connection())).toBe(changes + 1) // of the trait not known before
    await merge(
      patchOf('g', { clock: 4, traits: { plan: 'free', new: null }, users: { u1: false } }),
    )
    expect(await changesOf(connection())).toBe(changes + 1)
  })

  test('merges thousands of groups, and groups of thousands, of any size', async () => {
    const many = Array.from({ length: 2500 }, (_, i) =>
      patchOf(`g${i}`, { clock: 1, traits: { i: `${i}` } }),
    )
    const names = Array.from(
      { length: 3500 },
      (_, i) => [`trait ${i}`, 'x'.repeat(i % 200)] as const,
    )
    const users = Object.fromEntries(Array.from({ length: 700 }, (_, i) => [`u${i}`, i % 3 > 0]))
    const large = patchOf('large', { clock: 2, traits: Object.fromEntries(names), users })
    const heavy = patchOf('heavy', { clock: 3, traits: { a: 'x'.repeat(3e6), b: 'é'.repeat(1e6) } })
    expect(await merge(...many, large, heavy)).toEqual([])
    expect(await raw('HGET', 'group:{g2499}', 'i')).toBe('2499')
    expect(await raw('HLEN', 'group:{large}')).toBe(3500)
    expect(await raw('ZCARD', 'group:{large}:members')).toBe(466)
    expect(await raw('ZCARD', 'group:{large}:left')).toBe(234)
    expect(await raw('HSTRLEN', 'group:{heavy}', 'b')).toBe(2e6)
    const changes = await changesOf(connection())
    expect(await merge(large, heavy)).toEqual([])
    expect(await changesOf(connection())).toBe(changes)
  })
})
