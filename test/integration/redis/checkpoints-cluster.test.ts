import { randomUUID } from 'node:crypto'
import { Cluster, Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { Unavailable } from '../../../src/pipeline/errors.ts'
import { openCheckpoints } from '../../../src/redis/checkpoint/checkpoints.ts'
import { shardFinder } from '../../../src/redis/checkpoint/shards.ts'
import type { RedisConnection } from '../../../src/redis/connection/connection.ts'
import { checkpointKey, pauseKey } from '../../../src/redis/keys.ts'
import { slotOf } from '../../../src/redis/slots.ts'
import { openTestRedis } from '../../setup/redis/connection.ts'
import { type OwnRedis, startOwnRedis } from '../../setup/servers/own-redis.ts'
import { type OwnCluster, startOwnCluster } from '../../setup/servers/own-redis-cluster.ts'
import { until } from '../../setup/waiting.ts'
import { nexts, set } from './checkpoints.ts'

const GROUP = 'workers'
const binary = inject('redisServer')

describe.skipIf(binary === '')('the checkpoints in a Redis Cluster', () => {
  let cluster: OwnCluster
  let connection: RedisConnection
  let admins: Redis[]

  beforeAll(async () => {
    cluster = await startOwnCluster(binary)
    admins = cluster.nodes.map(({ port }) => new Redis(port))
    connection = openTestRedis(cluster.url)
    await connection.opened
  })
  afterAll(async () => {
    connection?.close()
    for (const admin of admins ?? []) admin.disconnect()
    await cluster?.stop()
  })

  function openOwn() {
    const topic = `checkpoints-${randomUUID().slice(0, 8)}`
    return { topic, checkpoints: openCheckpoints(connection, topic, GROUP) }
  }

  /** Returns the checkpoints stored on each master, in the order of `admins`. */
  async function hashes(topic: string): Promise<Record<string, string>[]> {
    return Promise.all(
      admins.map(async (admin) => {
        const keys = await admin.keys(`group-traits:applied:{${topic}*`)
        expect(keys.length, `keys of one master: ${keys}`).toBeLessThanOrEqual(1)
        const { parts: _, ...checkpoints } =
          keys[0] === undefined ? {} : await admin.hgetall(keys[0])
        return checkpoints
      }),
    )
  }

  test('are stored on every master, and the least counts', async () => {
    const { topic, checkpoints } = openOwn()
    await set(checkpoints, 4, undefined, 20n)
    expect(await hashes(topic)).toEqual([{ 4: '20' }, { 4: '20' }, { 4: '20' }])
    for (const [node, offset] of [
      [0, '18'],
      [1, '17'],
      [2, '19'],
    ] as const) {
      const admin = admins[node]!
      const [key = ''] = await admin.keys(`group-traits:applied:{${topic}*`)
      await admin.hset(key, '4', offset)
    }
    const checkpoint = (await checkpoints.read()).get(4)
    expect(checkpoint?.next).toBe(17n)
    await set(checkpoints, 4, checkpoint, 21n)
    expect(await hashes(topic)).toEqual([{ 4: '21' }, { 4: '21' }, { 4: '21' }])
  })

  test.for([0, 1, 2])(
    'count as lost if master %i of three lost them, and are restored by the next write',
    async (node) => {
      const { topic, checkpoints } = openOwn()
      const seen = await set(checkpoints, 0, undefined, 30n)
      await checkpoints.read()
      await admins[node]?.flushall()
      expect(await checkpoints.compareAndSet(0, seen, 31n)).toBeUndefined()
      const lost = (await checkpoints.read()).get(0)
      expect(lost?.next).toBeUndefined()
      expect(lost?.shards.size).toBe(2)
      await set(checkpoints, 0, lost, 0n)
      expect(await hashes(topic)).toEqual([{ 0: '0' }, { 0: '0' }, { 0: '0' }])
      expect(nexts(await checkpoints.read())).toEqual({ 0: 0n })
    },
  )

  test('cannot be set on any master while the workers are paused', async () => {
    const { topic, checkpoints } = openOwn()
    const checkpoint = await set(checkpoints, 0, undefined, 5n)
    await connection.client.set(pauseKey(topic, GROUP), 'token')
    await expect(checkpoints.compareAndSet(0, checkpoint, 6n)).rejects.toThrow(/paused/)
    expect(nexts(await checkpoints.read())).toEqual({ 0: 5n })
    await connection.client.del(pauseKey(topic, GROUP))
    await set(checkpoints, 0, (await checkpoints.read()).get(0), 6n)
  })

  test('are rejected if another program wrote the value at one of their keys', async () => {
    const { topic, checkpoints } = openOwn()
    await set(checkpoints, 0, undefined, 5n)
    const [key = ''] = (await admins[1]?.keys(`group-traits:applied:{${topic}*`)) ?? []
    await admins[1]?.set(key, 'not ours')
    await expect(checkpoints.read()).rejects.toThrow(key)
  })

  describe('when masters join', () => {
    let joining: OwnRedis
    beforeAll(async () => {
      const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000']
      joining = await startOwnRedis(binary, { args })
      const admin = new Redis(joining.port)
      await admin.cluster('SET-CONFIG-EPOCH', 9)
      admins.push(admin)
      await admins[0]?.cluster('MEET', '127.0.0.1', joining.port)
      await until('all nodes know it', async () => {
        const views = await Promise.all(admins.map((each) => each.cluster('NODES')))
        return views.every((view) => String(view).match(/master/g)?.length === 4)
      })
    })
    afterAll(() => joining?.stop())

    /** Returns the slots without keys among the first `count`: others could not be moved at once. */
    async function emptySlots(count: number): Promise<number[]> {
      const slots = Array.from({ length: count }, (_, slot) => slot)
      const keys = await Promise.all(
        slots.map((slot) => admins[0]?.cluster('COUNTKEYSINSLOT', slot)),
      )
      return slots.filter((slot) => keys[slot] === 0)
    }

    async function giveSlots(slots: readonly number[], node: number): Promise<void> {
      const id = String(await admins[node]?.cluster('MYID'))
      for (const slot of slots) {
        await admins[node]?.cluster('SETSLOT', slot, 'NODE', id)
        for (const admin of admins) await admin.cluster('SETSLOT', slot, 'NODE', id)
      }
      await until('it serves them', async () =>
        String(await admins[node]?.cluster('INFO')).includes('cluster_state:ok'),
      )
    }

    test('are copied to a master that joins: it has lost nothing', async () => {
      const { topic, checkpoints } = openOwn()
      const seen = await set(checkpoints, 0, undefined, 40n)
      await set(checkpoints, 1, undefined, 50n)
      await checkpoints.read()
      await giveSlots(await emptySlots(300), 3)
      // the client learns of the new master by a key that has moved
      await connection.client.exists(keyOfSlot((slot) => slot < 300))
      await until(
        'the client knows',
        async () => (await checkpoints.read()).get(0)?.shards.size === 4,
      )
      // a batch that began before may have been written to the master that had the slots
      expect(await checkpoints.compareAndSet(0, seen, 41n)).toBeUndefined()
      const found = await checkpoints.read()
      expect(nexts(found)).toEqual({ 0: 40n, 1: 50n })
      await set(checkpoints, 0, found.get(0), 41n)
      expect(await hashes(topic)).toEqual(Array(4).fill({ 0: '41', 1: '50' }))
      await admins[3]?.flushall()
      expect(nexts(await checkpoints.read())).toEqual({ 0: undefined, 1: undefined })
    })
  })
})

describe('the checkpoints while masters change', () => {
  test('are not set if a replica has replaced the master that they were read from', async () => {
    const { checkpoints, sent, takeOver } = openSimulated()
    const seen = (await checkpoints.read()).get(0)
    takeOver()
    expect(await checkpoints.compareAndSet(0, seen, 6n)).toBeUndefined()
    expect(sent()).toBe(0)
    const again = (await checkpoints.read()).get(0)
    expect(await checkpoints.compareAndSet(0, again, 6n)).toMatchObject({ next: 6n })
    expect(sent()).toBe(3)
  })

  test('are unknown if a replica replaces a master while they are being set', async () => {
    const { checkpoints, sent } = openSimulated((takeOver) => takeOver())
    const seen = (await checkpoints.read()).get(0)
    const failure = await checkpoints.compareAndSet(0, seen, 6n).catch((error) => error)
    expect(failure).toBeInstanceOf(Unavailable)
    expect(failure.message).toMatch(/changed its masters/)
    expect(sent()).toBe(3)
  })
})

/** Three masters with a checkpoint at 5 on each, and a replica of the first. */
function openSimulated(whileSetting: (takeOver: () => void) => void = () => {}) {
  const masters = ['a', 'b', 'c']
  let sent = 0
  const client = Object.assign(Object.create(Cluster.prototype), {
    slots: Array.from({ length: 16_384 }, (_, slot) => [masters[slot % 3]]),
    hgetall: async () => ({ 0: '5', parts: list }),
    hset: async () => 1,
    setCheckpoint: async () => {
      sent++
      whileSetting(takeOver)
      return 'set'
    },
  })
  const takeOver = () => {
    for (const nodes of client.slots) if (nodes[0] === 'a') nodes[0] = 'replica of a'
  }
  const find = shardFinder(client, (number) => checkpointKey('topic', GROUP, number))
  const list = find()
    .map(({ number }) => number)
    .join()
  const connection = { client, opened: Promise.resolve(), lastError: null }
  return {
    checkpoints: openCheckpoints(connection as unknown as RedisConnection, 'topic', GROUP),
    sent: () => sent,
    takeOver,
  }
}

function keyOfSlot(isWanted: (slot: number) => boolean): string {
  for (let i = 0; ; i++) if (isWanted(slotOf(`key ${i}`))) return `key ${i}`
}
