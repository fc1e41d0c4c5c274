import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { Memberships } from '../../../src/domain/merge/memberships.ts'
import type { RedisConnection } from '../../../src/redis/connection/connection.ts'
import { walkGroups, walkKeys } from '../../../src/redis/reading/key-walk.ts'
import {
  acquireLock,
  LockLost,
  type LockOptions,
  type RedisLock,
} from '../../../src/redis/rebuild/redis-lock.ts'
import {
  clearSecondPrefix,
  groupsWithoutReplacement,
  replaceGroups,
  secondPrefix,
} from '../../../src/redis/rebuild/replacement.ts'
import { checkReplacementRights } from '../../../src/redis/rebuild/replacement-check.ts'
import { repairUserIndex } from '../../../src/redis/rebuild/user-index-repair.ts'
import { openGroupStore } from '../../../src/redis/writing/group-store.ts'
import { type Layout, layoutOf, readKeys, withPrefix } from '../../property/state-layout.ts'
import { type OwnCluster, startOwnCluster } from '../../setup/redis-cluster.ts'
import { openTestRedis } from '../../setup/redis-connection.ts'
import { type OwnRedis, startOwnRedis } from '../../setup/redis-server.ts'
import { until } from '../../setup/waiting.ts'
import { patchOf } from './patches.ts'
import { withStepBefore } from './step-before.ts'

const binary = inject('redisServer')
const never = new AbortController().signal

describe('on a single server', () => {
  testsOn(async () => {
    const connection = openTestRedis(inject('redisUrl'))
    return { connection, stop: async () => {} }
  }, false)
})

describe.skipIf(binary === '')('on a Cluster', () => {
  testsOn(async () => {
    const cluster: OwnCluster = await startOwnCluster(binary)
    return { connection: openTestRedis(cluster.url), stop: cluster.stop }
  }, true)
})

interface Server {
  readonly connection: RedisConnection
  stop(): Promise<void>
}

function testsOn(open: () => Promise<Server>, isCluster: boolean) {
  let server: Server
  beforeAll(async () => {
    server = await open()
    await server.connection.opened
  })
  afterAll(async () => {
    server?.connection.close()
    await server?.stop()
  })

  /** The connection, with key prefixes of this test only. */
  function ownConnection(): RedisConnection {
    const connection = withPrefix(server.connection, `replacement:${randomUUID().slice(0, 8)}:`)
    onTestFinished(() => deleteAll(connection))
    return connection
  }

  async function held(connection: RedisConnection, options: Partial<LockOptions> = {}) {
    const lock = await acquireLock(connection, lockOptions(connection, options))
    if (lock === undefined) throw new Error('the lock is taken')
    onTestFinished(() => lock.release())
    return lock
  }

  test('a group is replaced as a whole: nothing of the old group is left', async () => {
    const connection = ownConnection()
    const rebuilt = [
      patchOf('a', { clock: 5, traits: { plan: 'new' }, users: { ann: true } }),
      patchOf('} {%\u0001é', { clock: 6, users: { ann: false } }),
      patchOf('new', { clock: 7, traits: { gone: null } }),
    ]
    await openGroupStore(connection).merge([
      patchOf('a', {
        clock: 9,
        traits: { plan: 'old', odd: 'x' },
        users: { bob: true, ann: false },
      }),
      patchOf('} {%\u0001é', { clock: 9, traits: { plan: 'old' }, users: { bob: true } }),
    ])
    await openGroupStore(secondPrefix(connection)).merge(rebuilt)
    const outcome = await replaceGroups(
      connection,
      ['a', '} {%\u0001é', 'new', 'a', 'none'],
      await held(connection),
      'keep',
    )
    expect(outcome).toEqual({ placed: 3, deleted: 0, conflicts: [] })
    expect(await groupsIn(connection)).toEqual(layoutOf(rebuilt, false))
    expect(await idsOf(secondPrefix(connection))).toEqual([])
  })

  test('a group without a copy is kept or deleted, as the caller wants', async () => {
    const connection = ownConnection()
    const old = [patchOf('a', { clock: 1, traits: { plan: 'a' } }), patchOf('b', { clock: 1 })]
    await openGroupStore(connection).merge(old)
    await openGroupStore(secondPrefix(connection)).merge([patchOf('c', { clock: 1 })])
    expect(await groupsWithoutReplacement(connection, ['a', 'b', 'c'])).toEqual(['a', 'b'])
    const pause = await held(connection)
    expect(await replaceGroups(connection, ['a', 'b'], pause, 'keep')).toMatchObject({ placed: 0 })
    expect(await groupsIn(connection)).toEqual(layoutOf(old, false))
    const outcome = await replaceGroups(connection, ['a', 'b'], pause, 'delete')
    expect(outcome).toEqual({ placed: 0, deleted: 2, conflicts: [] })
    expect(await groupsIn(connection)).toEqual({})
  })

  test('a key of the wrong type prevents the replacement of its group only, and is named', async () => {
    const connection = ownConnection()
    const taken = `${connection.settings.groupPrefix}{taken}:members`
    await connection.client.set(taken, 'by another program')
    const rebuilt = [patchOf('taken', { clock: 1 }), patchOf('fine', { clock: 1 })]
    await openGroupStore(secondPrefix(connection)).merge(rebuilt)
    const pause = await held(connection)
    for (const absent of ['keep', 'delete'] as const) {
      const outcome = await replaceGroups(connection, ['taken', 'fine'], pause, absent)
      expect(outcome.conflicts).toEqual([{ groupId: 'taken', message: `${taken} is a string` }])
    }
    expect(await connection.client.get(taken)).toBe('by another program')
    expect(await idsOf(secondPrefix(connection))).toEqual(['taken'])
  })

  test('nothing is replaced once the pause may have expired', async () => {
    const connection = ownConnection()
    const old = [patchOf('a', { clock: 1, traits: { plan: 'old' } })]
    await openGroupStore(connection).merge(old)
    await openGroupStore(secondPrefix(connection)).merge([patchOf('a', { clock: 2 })])
    let nowMs = 0
    const pause = await held(connection, { elapsed: () => nowMs, ttlMs: 60_000 })
    nowMs = 31_000 // more than half of the time to live without a renewal
    const late = replaceGroups(connection, ['a'], pause, 'keep')
    await expect(late).rejects.toThrow(LockLost)
    expect(await groupsIn(connection)).toEqual(layoutOf(old, false))
  })

  // on a Cluster the script cannot check the pause, which is in another slot: only its time counts
  if (!isCluster) {
    test('nothing is replaced if another process holds the pause', async () => {
      const connection = ownConnection()
      const old = [patchOf('a', { clock: 1, traits: { plan: 'old' } })]
      await openGroupStore(connection).merge(old)
      await openGroupStore(secondPrefix(connection)).merge([patchOf('a', { clock: 2 })])
      const pause = await held(connection)
      await connection.client.set(pause.options.key, 'another owner')
      pause.assertHeld()
      await expect(replaceGroups(connection, ['a'], pause, 'keep')).rejects.toThrow(LockLost)
      await expect(replaceGroups(connection, ['a'], pause, 'delete')).rejects.toThrow(LockLost)
      expect(await groupsIn(connection)).toEqual(layoutOf(old, false))
    })
  }

  test('clearing the second prefix deletes its groups, and nothing else', async () => {
    const connection = ownConnection()
    const second = secondPrefix(connection)
    const many = Array.from({ length: 2500 }, (_, i) =>
      patchOf(`g${i}`, { clock: 1, traits: { i: `${i}` }, users: { [`u${i}`]: i % 2 === 0 } }),
    )
    await openGroupStore(second).merge(many)
    const old = [patchOf('a', { clock: 1, traits: { plan: 'old' } })]
    await openGroupStore(connection).merge(old)
    const other = `${second.settings.groupPrefix}lock`
    await connection.client.set(other, 'held')
    expect(await idsOf(second)).toHaveLength(2500)
    const lock = await acquireLock(connection, lockOptions(connection))
    await clearSecondPrefix(connection, lock!)
    await lock?.release()
    expect(await idsOf(second)).toEqual([])
    expect(await groupsIn(connection)).toEqual(layoutOf(old, false))
    expect(await connection.client.del(other)).toBe(1)
  })

  test('a user index that is wrong in every way is repaired', async () => {
    const connection = ownConnection()
    const { client, settings } = connection
    const store = openGroupStore(connection)
    const members = Object.fromEntries(Array.from({ length: 700 }, (_, i) => [`u${i}`, i % 3 > 0]))
    const states = [
      patchOf('large', { clock: 5, users: members }),
      patchOf('} {%\u0001é', { clock: 6, users: { u1: true, '{u}%\u0085': false } }),
    ]
    await store.merge(states)
    const user = (id: string) => `${settings.userPrefix}{${id}}`
    await client.zadd(`${user('u1')}:groups`, 3, 'large', 4, 'of nobody', 4, 'large too')
    await client.zadd(`${user('u2')}:left`, 9, 'large')
    await client.del(`${user('u4')}:groups`)
    await client.del(`${user('u3')}:left`)
    await client.zadd(`${user('nobody')}:left`, 1, 'large')
    await client.set(`${user('taken')}:groups`, 'by another program')
    expect(await repairUserIndex(connection, store, never)).toEqual([])
    expect(await client.getdel(`${user('taken')}:groups`)).toBe('by another program')
    expect(await allIn(connection)).toEqual(layoutOf(states))
  })

  test('the repair of the user index does not undo what a worker merges meanwhile', async () => {
    const connection = ownConnection()
    const store = openGroupStore(connection)
    await store.merge([patchOf('g', { clock: 1, users: { ann: true } })])
    const stray = `${connection.settings.userPrefix}{bob}:groups`
    await connection.client.zadd(stray, 5, 'g')
    let isMerged = false
    const disturbed = withStepBefore(connection, 'setUserIndex', async () => {
      if (isMerged) return
      isMerged = true
      await store.merge([patchOf('g', { clock: 5, users: { bob: true } })])
    })
    await repairUserIndex(disturbed, openGroupStore(connection), never)
    expect(isMerged).toBe(true)
    const users = { ann: { clock: 1, member: true }, bob: { clock: 5, member: true } }
    const state = { ...patchOf('g', { clock: 5 }), users: new Memberships(Object.entries(users)) }
    expect(await allIn(connection)).toEqual(layoutOf([state]))
  })

  test('a lock has one owner, until it is released', async () => {
    const connection = ownConnection()
    const lock = await held(connection)
    expect(await acquireLock(connection, lockOptions(connection))).toBeUndefined()
    lock.assertHeld()
    await lock.release()
    expect(() => lock.assertHeld()).toThrow(LockLost)
    await (await held(connection)).release()
  })

  test('a lock is renewed while its owner lives, and is lost if another owner takes the key', async () => {
    const connection = ownConnection()
    const lock = await held(connection, { ttlMs: 400 })
    const { key } = lock.options
    const startedMs = performance.now()
    await until('it would have expired twice', () => performance.now() - startedMs > 800)
    expect(await connection.client.exists(key)).toBe(1)
    lock.assertHeld()
    await connection.client.set(key, 'another owner')
    await until('it is noticed', () => isLost(lock))
    await lock.release()
    expect(await connection.client.getdel(key)).toBe('another owner')
  })

  test('a user with all rights passes the check of rights', async () => {
    await expect(checkReplacementRights(ownConnection())).resolves.toBeUndefined()
  })
}

describe.skipIf(binary === '')('with a user that lacks rights', () => {
  let redis: OwnRedis
  beforeAll(async () => {
    redis = await startOwnRedis(binary)
  })
  afterAll(() => redis?.stop())

  test('the check names the missing rights, and the command that grants them', async () => {
    const admin = openTestRedis(redis.url)
    onTestFinished(() => admin.close())
    await admin.opened
    const rights = ['~group:*', '~group-traits:*', '+@all', '-rename', '-unlink', '-scan', '-set']
    await admin.client.call('ACL', 'SETUSER', 'ann', 'on', '>secret', ...rights)
    const limited = openTestRedis(redis.url.replace('redis://', 'redis://ann:secret@'))
    onTestFinished(() => limited.close())
    await limited.opened
    const { message } =
      (await checkReplacementRights(limited).catch((error: Error) => error as Error)) ?? {}
    expect(message).toContain('lacks: set, scan, rename, unlink')
    const command = /ACL SETUSER <user> (.*)$/.exec(message ?? '')?.[1]?.split(' ') ?? []
    await admin.client.call('ACL', 'SETUSER', 'ann', ...command)
    await expect(checkReplacementRights(limited)).resolves.toBeUndefined()
  })
})

function lockOptions(connection: RedisConnection, options: Partial<LockOptions> = {}): LockOptions {
  return {
    key: `${connection.settings.groupPrefix}lock`,
    token: randomUUID(),
    ttlMs: 30_000,
    elapsed: () => performance.now(),
    ...options,
  }
}

function isLost(lock: RedisLock): boolean {
  try {
    lock.assertHeld()
    return false
  } catch {
    return true
  }
}

async function idsOf(connection: RedisConnection): Promise<string[]> {
  const ids = new Set<string>()
  for await (const page of walkGroups(connection)) for (const id of page) ids.add(id)
  return [...ids].sort()
}

/** All groups in Redis, in the form of `layoutOf`. */
async function groupsIn(connection: RedisConnection): Promise<Layout> {
  return await contentOf(connection, [connection.settings.groupPrefix])
}

async function allIn(connection: RedisConnection): Promise<Layout> {
  const { groupPrefix, userPrefix } = connection.settings
  return await contentOf(connection, [groupPrefix, userPrefix])
}

async function contentOf(
  connection: RedisConnection,
  prefixes: readonly string[],
): Promise<Layout> {
  const prefix = prefixOf(connection)
  const found = new Set<string>()
  for (const each of prefixes) {
    for await (const keys of walkKeys(connection, `${each}{`, '')) {
      for (const key of keys) found.add(key.slice(prefix.length))
    }
  }
  return await readKeys(connection.client, prefix, [...found])
}

async function deleteAll(connection: RedisConnection): Promise<void> {
  for await (const keys of walkKeys(connection, prefixOf(connection), '')) {
    await Promise.all(keys.map((key) => connection.client.unlink(key)))
  }
}

function prefixOf({ settings }: RedisConnection): string {
  return settings.groupPrefix.slice(0, -'group:'.length)
}
