/** Keys that are missing, damaged, or of another program. */
import { describe, expect, inject, test } from 'vitest'
import type { RedisConnection } from '../../../src/redis/connection/connection.ts'
import { openGroupStore, STORE_LIMITS } from '../../../src/redis/writing/group-store.ts'
import { patchOf } from '../../setup/domain/patches.ts'
import { dump, useEmptyRedis } from './empty-redis.ts'

const binary = inject('redisServer')

describe.skipIf(binary === '')('the group store', () => {
  const { merge, raw } = useEmptyRedis()

  test('repairs an index that differs from the group, whether the event wins or not', async () => {
    const patch = patchOf('g', { clock: 5, users: { member: true, leaver: false } })
    await merge(patch)
    await raw('DEL', 'user:{member}:groups', 'user:{leaver}:left')
    await raw('ZADD', 'user:{member}:left', 9, 'g')
    await raw('ZADD', 'user:{leaver}:groups', 9, 'g')
    await merge(patchOf('g', { clock: 1, users: { member: true, leaver: true } }))
    expect(await raw('ZRANGE', 'user:{member}:groups', 0, -1, 'WITHSCORES')).toEqual(['g', '5'])
    expect(await raw('ZRANGE', 'user:{leaver}:left', 0, -1, 'WITHSCORES')).toEqual(['g', '5'])
    expect(await raw('EXISTS', 'user:{member}:left', 'user:{leaver}:groups')).toBe(0)
  })

  test('lets any event win over a field that has no clock', async () => {
    await raw('HSET', 'group:{g}', 'plan', 'by hand', 'kept', 'by hand')
    expect(await merge(patchOf('g', { clock: 0, traits: { plan: 'free' } }))).toEqual([])
    await raw('HSET', 'group:{g}', 'later', 'by hand')
    await merge(patchOf('g', { clock: 0, traits: { later: 'free' } }))
    expect(await raw('HGETALL', 'group:{g}')).toEqual([
      ...['plan', 'free', 'kept', 'by hand', 'later', 'free'],
    ])
  })

  test('if the clocks of a group were deleted, those of its users still count', async () => {
    const write = (clock: number, users: Record<string, boolean>) =>
      merge(patchOf('g', { clock, traits: {}, users }))
    await write(900, { ann: true, bob: true })
    await raw('DEL', 'group:{g}:clock')
    await write(100, { cid: true })
    await write(500, { ann: true, bob: false })
    expect(await raw('ZRANGE', 'group:{g}:members', 0, -1, 'WITHSCORES')).toEqual([
      ...['cid', '100', 'ann', '900', 'bob', '900'],
    ])
    expect(await raw('ZSCORE', 'user:{ann}:groups', 'g')).toBe('900')
    expect(await raw('EXISTS', 'group:{g}:left', 'user:{bob}:left')).toBe(0)
    expect(await raw('HGET', 'group:{g}:clock', '')).toBe('0000000000000900')
    await write(901, { bob: false })
    expect(await raw('ZSCORE', 'group:{g}:left', 'bob')).toBe('901')
  })
})

describe.skipIf(binary === '')('a group that cannot be written:', () => {
  const { connection, merge, raw } = useEmptyRedis()

  describe.each([
    { place: 'group:{bad}', wanted: 'hash' },
    { place: 'group:{bad}:clock', wanted: 'hash' },
    { place: 'group:{bad}:members', wanted: 'zset' },
    { place: 'group:{bad}:left', wanted: 'zset' },
    { place: 'user:{u}:groups', wanted: 'zset' },
    { place: 'user:{u}:left', wanted: 'zset' },
  ])('with a key of the wrong type at $place', ({ place, wanted }) => {
    const bad = (clock: number) =>
      patchOf('bad', {
        clock,
        traits: { plan: 'pro', old: null },
        users: { u: true, other: false },
      })
    const good = patchOf('good', { clock: 2, traits: { plan: 'pro' }, users: { someone: true } })
    const before = patchOf('before', { clock: 2, traits: { plan: 'pro' } })

    test.each([
      { situation: 'a new group', known: undefined },
      { situation: 'a group with earlier clocks', known: 1 },
      { situation: 'a group with later clocks', known: 3 },
    ])('$situation is not written, and the other groups are', async ({ known }) => {
      if (known !== undefined) {
        await merge(patchOf('bad', { clock: known, traits: { plan: 'free' }, users: { u: false } }))
      }
      await raw('DEL', place)
      await raw('SET', place, 'not ours')
      const untouched = await dump(connection())
      const conflicts = await merge(before, bad(2), good)
      expect(conflicts).toEqual([
        {
          groupId: 'bad',
          message: expect.stringContaining(`the key ${place} is a string, not a ${wanted}`),
        },
      ])
      expect(await raw('HGET', 'group:{good}', 'plan')).toBe('pro')
      expect(await raw('HGET', 'group:{before}', 'plan')).toBe('pro')
      await raw('DEL', ...(await keysOfOthers(connection())))
      expect(await dump(connection())).toEqual(untouched)
    })
  })

  test('a group without traits is not written either if one of its keys is of the wrong type', async () => {
    for (const place of ['group:{bad}', 'group:{bad}:members', 'group:{bad}:left']) {
      await raw('FLUSHALL')
      await raw('SET', place, 'not ours')
      expect(await merge(patchOf('bad', { clock: 2 })), place).toHaveLength(1)
      expect(await raw('KEYS', '*')).toEqual([place])
    }
  })

  test.each([
    { field: '', text: '', what: 'of the group' },
    { field: '', text: '160617053511100', what: 'of the group' },
    { field: '', text: '16061705351110000', what: 'of the group' },
    { field: '', text: '160617053511100x', what: 'of the group' },
    { field: '', text: '9999999999999999', what: 'of the group' },
    { field: '', text: '1606170535111000160617053511100x', what: 'of the group' },
    { field: 'plan', text: '', what: 'of the trait' },
    { field: 'plan', text: '160617053511100', what: 'of the trait' },
    { field: 'plan', text: '1606170535111000y', what: 'of the trait' },
    { field: 'plan', text: '1606170535111000jj', what: 'of the trait' },
    { field: 'plan', text: '9007199254740992', what: 'of the trait' },
  ])(
    'the clock "$text" $what is malformed, so the group is not written',
    async ({ field, text }) => {
      await merge(patchOf('bad', { clock: 1606170535111000, traits: { plan: 'pro' } }))
      await raw('HSET', 'group:{bad}:clock', field, text)
      const untouched = await dump(connection())
      const conflicts = await merge(
        patchOf('bad', {
          clock: 1606170535111000,
          traits: { a: 'a', plan: 'x' },
          users: { u: true },
        }),
      )
      expect(conflicts).toEqual([
        {
          groupId: 'bad',
          message: expect.stringContaining(
            `group:{bad}:clock is malformed at the field "${field}"`,
          ),
        },
      ])
      expect(await dump(connection())).toEqual(untouched)
    },
  )

  test('clocks without the header are malformed', async () => {
    await raw('HSET', 'group:{bad}:clock', 'plan', '0000000000000001')
    expect(await merge(patchOf('bad', { clock: 2, traits: { plan: 'x' } }))).toHaveLength(1)
    expect(await raw('EXISTS', 'group:{bad}')).toBe(0)
  })

  test('a group in several chunks that cannot be written is reported once', async () => {
    await raw('SET', 'group:{bad}:left', 'not ours')
    const names = Array.from({ length: 50 }, (_, i) => [`t${i}`, 'x'])
    const patch = patchOf('bad', { clock: 1, traits: Object.fromEntries(names) })
    const small = openGroupStore(connection(), { ...STORE_LIMITS, maxPatchEntries: 7 })
    expect(await small.merge([patch])).toHaveLength(1)
  })
})

/** Returns the keys of the groups other than `bad`. */
async function keysOfOthers({ client }: RedisConnection): Promise<string[]> {
  return (await client.keys('*')).filter((key) => /good|before|someone/.test(key))
}
