import { describe, expect, inject, test } from 'vitest'
import { emptyState, type GroupState } from '../../../src/domain/merge/merge.ts'
import type { RedisConnection } from '../../../src/redis/connection/connection.ts'
import { openGroupStore, STORE_LIMITS } from '../../../src/redis/writing/group-store.ts'
import { patchOf } from '../../setup/domain/patches.ts'
import { changesOf, useEmptyRedis } from './empty-redis.ts'

const binary = inject('redisServer')

describe.skipIf(binary === '')('an erasure', () => {
  const { connection, merge, raw } = useEmptyRedis()

  test('leaves nothing but the clock, and no older event brings anything back', async () => {
    const old = patchOf('g', {
      clock: 10,
      traits: { plan: 'pro', gone: null },
      users: { u: true, left: false },
    })
    await merge(old, patchOf('other', { clock: 1, users: { u: true } }))
    expect(await merge(erasureOf('g', 10))).toEqual([])
    const erased = ['group:{g}:clock', ...keysOfOther]
    expect(await keys(connection())).toEqual(erased)
    expect(await raw('HGETALL', 'group:{g}:clock')).toEqual([
      '',
      '00000000000000100000000000000010',
    ])
    await merge(old)
    expect(await keys(connection())).toEqual(erased)
  })

  test('also counts if it arrives before any event of the group', async () => {
    await merge(erasureOf('g', 10))
    await merge(patchOf('g', { clock: 10, traits: { plan: 'pro' }, users: { u: true } }))
    expect(await keys(connection())).toEqual(['group:{g}:clock'])
  })

  test('spares whatever is later, and traits in the same patch', async () => {
    await merge(patchOf('g', { clock: 11, traits: { plan: 'pro' }, users: { u: true } }))
    await merge(patchOf('g', { clock: 9, traits: { name: 'Acme' }, users: { v: false } }))
    const patch = patchOf('g', { clock: 12, traits: { website: 'x' } })
    await merge({ ...patch, erasedAt: 10 })
    expect(await raw('HGETALL', 'group:{g}')).toEqual(['plan', 'pro', 'website', 'x'])
    expect(await keys(connection())).toEqual([
      'group:{g}',
      'group:{g}:clock',
      'group:{g}:members',
      'user:{u}:groups',
    ])
  })

  test('deletes fields that have no clock', async () => {
    await merge(patchOf('g', { clock: 11, traits: { plan: 'pro' } }))
    await raw('HSET', 'group:{g}', 'by hand', 'x', 'and this', 'y')
    await merge(erasureOf('g', 10))
    expect(await raw('HGETALL', 'group:{g}')).toEqual(['plan', 'pro'])
  })

  test.each([
    { size: 'in one page', limits: {} },
    { size: 'in pages', limits: { maxFields: 50, maxUsers: 20 } },
  ])(
    'of a huge group completes $size, spares whatever is later, and can be repeated',
    async ({ limits }) => {
      const store = openGroupStore(connection(), { ...STORE_LIMITS, ...limits })
      const names = (from: number, to: number) =>
        Array.from({ length: to - from }, (_, i) => `n${from + i}`)
      const old = patchOf('g', {
        clock: 10,
        traits: Object.fromEntries(names(0, 3000).map((name) => [name, name])),
        users: Object.fromEntries(names(0, 900).map((name, i) => [name, i % 2 === 0])),
      })
      const later = patchOf('g', {
        clock: 20,
        traits: Object.fromEntries(names(2900, 3100).map((name) => [name, 'later'])),
        users: Object.fromEntries(names(850, 950).map((name) => [name, true])),
      })
      await store.merge([old, later])
      await store.merge([erasureOf('g', 15)])
      const check = async () => {
        const fields = (await raw('HKEYS', 'group:{g}')) as string[]
        expect(fields.sort()).toEqual(names(2900, 3100).sort())
        expect(await raw('HLEN', 'group:{g}:clock')).toBe(201)
        expect(await raw('ZCARD', 'group:{g}:members')).toBe(100)
        expect(await raw('EXISTS', 'group:{g}:left')).toBe(0)
        expect((await keys(connection())).filter((key) => key.startsWith('user:'))).toHaveLength(
          100,
        )
      }
      await check()
      const changes = await changesOf(connection())
      await store.merge([erasureOf('g', 15)])
      await store.merge([erasureOf('g', 12)])
      await check()
      expect(await changesOf(connection())).toBe(changes)
    },
  )
})

describe.skipIf(binary === '')('an erasure, in rarer cases,', () => {
  const { connection, merge, raw } = useEmptyRedis()

  test('that was interrupted after its first page hides what it has not deleted yet', async () => {
    await merge(patchOf('g', { clock: 10, traits: { plan: 'pro', tier: 'a' }, users: { u: true } }))
    await raw('HSET', 'group:{g}:clock', '', '00000000000000200000000000000015')
    // an older event finds the stale member, who has no membership, and so repairs the index
    await merge(patchOf('g', { clock: 9, traits: { plan: 'x' }, users: { u: true } }))
    expect(await raw('EXISTS', 'user:{u}:groups')).toBe(0)
    expect(await raw('HGET', 'group:{g}', 'plan')).toBe('pro')
    // a later event wins, although the latest clock of the group is later still
    await merge(patchOf('g', { clock: 16, traits: { plan: null }, users: { u: false } }))
    expect(await raw('ZRANGE', 'user:{u}:left', 0, -1, 'WITHSCORES')).toEqual(['g', '16'])
    await merge(erasureOf('g', 15))
    expect(await raw('HGETALL', 'group:{g}:clock')).toEqual([
      ...['', '00000000000000200000000000000015', 'plan', '0000000000000016x'],
    ])
    expect(await keys(connection())).toEqual(['group:{g}:clock', 'group:{g}:left', 'user:{u}:left'])
  })

  test('spares a user who was merged again between two pages', async () => {
    await merge(patchOf('g', { clock: 10, users: { back: true, gone: true } }))
    const { client } = connection()
    const page = async (...users: string[]) => {
      const pageArgs = ['g', '0000000000000015', 10, 10, 'clocks', '0', 'inside']
      const reply = await client.eraseGroupBuffer('group:{g}', ...pageArgs, ...users)
      return reply[3].map(String)
    }
    expect((await page()).sort()).toEqual(['back', 'gone'])
    await merge(patchOf('g', { clock: 16, users: { back: true } }))
    expect(await page('back', 'user:{back}', 'gone', 'user:{gone}')).toEqual([])
    expect(await raw('ZRANGE', 'group:{g}:members', 0, -1)).toEqual(['back'])
    expect(await keys(connection())).toEqual([
      'group:{g}:clock',
      'group:{g}:members',
      'user:{back}:groups',
    ])
  })

  test.each(['group:{g}', 'group:{g}:members', 'group:{g}:left', 'group:{g}:clock'])(
    'with a key of the wrong type at %s is a conflict of that group alone',
    async (place) => {
      await merge(patchOf('g', { clock: 1, traits: { plan: 'pro' }, users: { u: true } }))
      await raw('DEL', place)
      await raw('SET', place, 'not ours')
      const before = await keys(connection())
      const conflicts = await merge(
        { ...patchOf('g', { clock: 9, traits: { a: 'b' } }), erasedAt: 5 },
        erasureOf('other', 5),
      )
      expect(conflicts).toEqual([{ groupId: 'g', message: expect.stringContaining(place) }])
      expect(await keys(connection())).toEqual([...before, 'group:{other}:clock'].sort())
    },
  )

  test('of a group whose clocks were deleted takes the latest clock from its users', async () => {
    await merge(patchOf('g', { clock: 900, users: { u: true } }))
    await raw('DEL', 'group:{g}:clock')
    await merge(erasureOf('g', 100))
    expect(await raw('HGET', 'group:{g}:clock', '')).toBe('00000000000009000000000000000100')
    await merge(patchOf('g', { clock: 500, users: { u: false } }))
    expect(await raw('ZSCORE', 'group:{g}:members', 'u')).toBe('900')
  })

  test('with a malformed clock is a conflict, and deletes nothing', async () => {
    await merge(patchOf('g', { clock: 1, traits: { plan: 'pro', name: 'Acme' } }))
    await raw('HSET', 'group:{g}:clock', 'plan', 'yesterday')
    expect(await merge(erasureOf('g', 5))).toEqual([
      { groupId: 'g', message: expect.stringContaining('malformed at the field "plan"') },
    ])
    expect(await raw('HGET', 'group:{g}:clock', '')).toBe('0000000000000001')
    expect(await raw('HLEN', 'group:{g}')).toBe(2)
  })
})

const keysOfOther = ['group:{other}:clock', 'group:{other}:members', 'user:{u}:groups']

function erasureOf(groupId: string, clock: number): GroupState {
  return { ...emptyState(groupId), latest: clock, erasedAt: clock }
}

async function keys({ client }: RedisConnection): Promise<string[]> {
  return (await client.keys('*')).sort()
}
