import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { acquireLock, LockLost } from '../../../src/redis/rebuild/redis-lock.ts'
import {
  clearSecondPrefix,
  groupsWithoutReplacement,
  replaceGroups,
  secondPrefix,
} from '../../../src/redis/rebuild/replacement.ts'
import { checkReplacementRights } from '../../../src/redis/rebuild/replacement-check.ts'
import { openGroupStore } from '../../../src/redis/writing/group-store.ts'
import { patchOf } from '../../setup/domain/patches.ts'
import { layoutOf } from '../../setup/oracle/state-layout.ts'
import { openTestRedis } from '../../setup/redis/connection.ts'
import { type OwnRedis, startOwnRedis } from '../../setup/servers/own-redis.ts'
import { groupsIn, held, idsOf, lockOptions, onBothServers } from './both-servers.ts'

const binary = inject('redisServer')

onBothServers((ownConnection, isCluster) => {
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

  test('a user with all rights passes the check of rights', async () => {
    await expect(checkReplacementRights(ownConnection())).resolves.toBeUndefined()
  })
})

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
