import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { fold } from '../../../src/domain/merge/merge.ts'
import { Unavailable } from '../../../src/pipeline/errors.ts'
import type { RedisConnection } from '../../../src/redis/connection/connection.ts'
import { checkServer } from '../../../src/redis/connection/server-check.ts'
import { readGroup, readUser } from '../../../src/redis/reading/group-reader.ts'
import { openGroupStore, STORE_LIMITS } from '../../../src/redis/writing/group-store.ts'
import { patchOf } from '../../setup/domain/patches.ts'
import { delivered, events } from '../../setup/oracle/arrangements.ts'
import { statesByDefinition } from '../../setup/oracle/definition.ts'
import { deleteLayout, layoutOf, readLayout, withPrefix } from '../../setup/oracle/state-layout.ts'
import { openTestRedis } from '../../setup/redis/connection.ts'
import { withStepBefore } from '../../setup/redis/step-before.ts'
import { type OwnCluster, startOwnCluster } from '../../setup/servers/own-redis-cluster.ts'
import { until } from '../../setup/waiting.ts'

const binary = inject('redisServer')

describe.skipIf(binary === '')('on a Redis Cluster', () => {
  let cluster: OwnCluster
  let connection: RedisConnection
  const deliveries = events.chain((all) => fc.tuple(fc.constant(all), delivered(all)))
  const SMALL = { ...STORE_LIMITS, maxPatches: 2, maxPatchEntries: 5, maxFields: 2, maxUsers: 1 }

  beforeAll(async () => {
    cluster = await startOwnCluster(binary)
    connection = openTestRedis(cluster.url)
    await connection.opened
  })
  afterAll(async () => {
    connection?.close()
    await cluster?.stop()
  })

  test('the check of the server passes', async () => {
    await checkServer(connection)
    expect(connection.ready).toBe(true)
  })

  test('a connection to one node alone fails at once, and says which URL to use', async () => {
    const alone = openTestRedis(cluster.nodes[0]?.url ?? '')
    const questions = ['a', 'b', 'c', 'd', 'e', 'f'].map((id) => readGroup(alone, id))
    const answers = await Promise.allSettled(questions)
    alone.close()
    const failures = answers.flatMap((answer) =>
      answer.status === 'rejected' ? [String(answer.reason)] : [],
    )
    expect(failures).not.toEqual([])
    for (const failure of failures) {
      expect(failure).toMatch(/^NotRetriable: .* is a Cluster: use a URL with redis\+cluster:/)
    }
  })

  test('the state and the user index are the same for any order, grouping and repetition', () =>
    fc.assert(
      fc.asyncProperty(deliveries, async ([all, batches]) => {
        const one = scoped(connection)
        const store = openGroupStore(one, SMALL)
        for (const batch of batches) {
          expect(await store.merge([...fold(batch).values()])).toEqual([])
        }
        expect(await readLayout(one)).toEqual(layoutOf(statesByDefinition(all)))
        await deleteLayout(one)
      }),
      { numRuns: 60 },
    ))

  test('workers that merge at the same time end with the same state and user index', () =>
    fc.assert(
      fc.asyncProperty(deliveries, async ([all, batches]) => {
        const one = scoped(connection)
        const stores = [openGroupStore(one), openGroupStore(one, SMALL), openGroupStore(one)]
        await Promise.all(
          batches.map((batch, i) => stores[i % 3]?.merge([...fold(batch).values()])),
        )
        expect(await readLayout(one)).toEqual(layoutOf(statesByDefinition(all)))
        await deleteLayout(one)
      }),
      { numRuns: 60 },
    ))

  test('a worker that sets the index to a membership that another one has replaced repairs it', async () => {
    const one = scoped(connection)
    const at = (clock: number, member: boolean) => patchOf('g', { clock, users: { u: member } })
    // the slow worker reads the membership, the fast one changes it, then the slow one goes on
    let isFastDone = false
    const slow = openGroupStore(
      withStepBefore(one, 'setUserIndex', async () => {
        if (isFastDone) return
        isFastDone = true
        await openGroupStore(one).merge([at(7, false)])
      }),
    )
    await slow.merge([at(5, true)])
    expect(await readUser(one, 'u')).toMatchObject({
      groups: [],
      left: [{ groupId: 'g', clock: 7 }],
    })
  })

  test('thousands of groups in as many slots are merged by one call', async () => {
    const one = scoped(connection)
    const patches = Array.from({ length: 3000 }, (_, i) =>
      patchOf(`g${i}`, { clock: 1, traits: { i: `${i}` }, users: { [`u${i % 10}`]: true } }),
    )
    expect(await openGroupStore(one).merge(patches)).toEqual([])
    expect((await readGroup(one, 'g2999'))?.traits[0]?.value).toBe('2999')
    expect((await readUser(one, 'u7', 5))?.groupCount).toBe(300)
  })

  test('a key of the wrong type stops its group alone, also if it is one of the user index', async () => {
    const one = scoped(connection)
    const [group, user] = [`${one.settings.groupPrefix}{bad}`, `${one.settings.userPrefix}{bad}`]
    await one.client.set(`${group}:members`, 'not ours')
    await one.client.set(`${user}:groups`, 'not ours')
    const conflicts = await openGroupStore(one).merge([
      patchOf('bad', { clock: 1, traits: { plan: 'pro' } }),
      patchOf('good', { clock: 1, users: { good: true } }),
      patchOf('of bad user', { clock: 1, users: { bad: true } }),
    ])
    expect(conflicts).toHaveLength(2)
    expect(new Map(conflicts.map(({ groupId, message }) => [groupId, message]))).toEqual(
      new Map([
        ['bad', expect.stringContaining(`${group}:members is a string`)],
        ['of bad user', expect.stringContaining(`${user}:groups is a string`)],
      ]),
    )
    expect((await readUser(one, 'good'))?.groups).toEqual([{ groupId: 'good', clock: 1 }])
  })

  test('a slot that has moved is written to its new master', async () => {
    const one = scoped(connection)
    const key = `${one.settings.groupPrefix}{moving}`
    const admins = cluster.nodes.map(({ port }) => new Redis(port, { protocol: 2 }))
    try {
      const slot = Number(await admins[0]?.cluster('KEYSLOT', key))
      const ids = await Promise.all(admins.map((admin) => admin.cluster('MYID')))
      const owner = Math.floor((slot * 3) / 16384)
      const newOwner = (owner + 1) % 3
      for (const admin of admins)
        await admin.cluster('SETSLOT', slot, 'NODE', String(ids[newOwner]))
      const patch = patchOf('moving', { clock: 1, traits: { plan: 'pro' } })
      expect(await openGroupStore(one).merge([patch])).toEqual([])
      expect(await admins[newOwner]?.exists(key)).toBe(1)
    } finally {
      for (const admin of admins) admin.disconnect()
    }
  })

  test('while a node is away, its groups cannot be merged; once it is back, they can', async () => {
    const one = scoped(connection)
    const store = openGroupStore(one)
    const patches = Array.from({ length: 100 }, (_, i) =>
      patchOf(`g${i}`, { clock: 1, traits: { i: `${i}` }, users: { u: true } }),
    )
    const [node] = cluster.nodes
    await node?.kill()
    await expect(store.merge(patches)).rejects.toThrow(Unavailable)
    await node?.startAgain()
    await until('merged', async () => (await store.merge(patches)).length === 0, 20_000)
    expect((await readUser(one, 'u'))?.groupCount).toBe(100)
  })
})

function scoped(connection: RedisConnection): RedisConnection {
  return withPrefix(connection, `cluster:${randomUUID()}:`)
}
