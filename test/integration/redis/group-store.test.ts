import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { JsonText } from '../../../src/domain/json/stored-value.ts'
import { fold, type GroupState } from '../../../src/domain/merge/merge.ts'
import type { RedisConnection } from '../../../src/redis/connection/connection.ts'
import { openGroupStore, STORE_LIMITS } from '../../../src/redis/writing/group-store.ts'
import { openTestRedis } from '../../setup/redis-connection.ts'
import { type OwnRedis, startOwnRedis } from '../../setup/redis-server.ts'
import { eventOf, patchOf } from './patches.ts'

const binary = inject('redisServer')

describe.skipIf(binary === '')('the group store', () => {
  let server: OwnRedis
  let connection: RedisConnection
  const store = () => openGroupStore(connection)
  const merge = (...patches: GroupState[]) => store().merge(patches)
  const raw = (command: string, ...args: (string | number)[]) =>
    connection.client.call(command, ...args)

  beforeAll(async () => {
    server = await startOwnRedis(binary)
    connection = openTestRedis(server.url)
    await connection.opened
  })
  afterEach(() => raw('FLUSHALL'))
  afterAll(async () => {
    connection.close()
    await server.stop()
  })

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
    const bytes = await connection.client.hgetBuffer(key, '__proto__')
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
    const changes = await changesOf(connection)
    await merge(patchOf('g', { clock: 5, traits, users }))
    await merge(
      patchOf('g', { clock: 4, traits: { plan: 'free', new: null }, users: { u1: false } }),
    )
    expect(await raw('HGET', 'group:{g}:clock', 'new')).toBe('0000000000000004x')
    expect(await changesOf(connection)).toBe(changes + 1) // the trait that is new
    await merge(
      patchOf('g', { clock: 4, traits: { plan: 'free', new: null }, users: { u1: false } }),
    )
    expect(await changesOf(connection)).toBe(changes + 1)
  })

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
    const changes = await changesOf(connection)
    expect(await merge(large, heavy)).toEqual([])
    expect(await changesOf(connection)).toBe(changes)
  })

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
      const untouched = await dump(connection)
      const conflicts = await merge(before, bad(2), good)
      expect(conflicts).toEqual([
        {
          groupId: 'bad',
          message: expect.stringContaining(`the key ${place} is a string, not a ${wanted}`),
        },
      ])
      expect(await raw('HGET', 'group:{good}', 'plan')).toBe('pro')
      expect(await raw('HGET', 'group:{before}', 'plan')).toBe('pro')
      await raw('DEL', ...(await keysOfOthers(connection)))
      expect(await dump(connection)).toEqual(untouched)
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
      const untouched = await dump(connection)
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
      expect(await dump(connection)).toEqual(untouched)
    },
  )

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

  test('clocks without the header are malformed', async () => {
    await raw('HSET', 'group:{bad}:clock', 'plan', '0000000000000001')
    expect(await merge(patchOf('bad', { clock: 2, traits: { plan: 'x' } }))).toHaveLength(1)
    expect(await raw('EXISTS', 'group:{bad}')).toBe(0)
  })

  test('a group in several chunks that cannot be written is reported once', async () => {
    await raw('SET', 'group:{bad}:left', 'not ours')
    const names = Array.from({ length: 50 }, (_, i) => [`t${i}`, 'x'])
    const patch = patchOf('bad', { clock: 1, traits: Object.fromEntries(names) })
    const small = openGroupStore(connection, { ...STORE_LIMITS, maxPatchEntries: 7 })
    expect(await small.merge([patch])).toHaveLength(1)
  })
})

async function changesOf({ client }: RedisConnection): Promise<number> {
  return Number(/rdb_changes_since_last_save:(\d+)/.exec(await client.info('persistence'))?.[1])
}

/** Returns every key with its serialized value. */
async function dump({ client }: RedisConnection): Promise<Map<string, string>> {
  const keys = (await client.keys('*')).sort()
  const contents = await Promise.all(keys.map((key) => client.dumpBuffer(key)))
  return new Map(keys.map((key, i) => [key, String(contents[i]?.toString('hex'))]))
}

/** Returns the keys of the groups other than `bad`. */
async function keysOfOthers({ client }: RedisConnection): Promise<string[]> {
  return (await client.keys('*')).filter((key) => /good|before|someone/.test(key))
}
