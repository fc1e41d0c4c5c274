import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { Refused, Unavailable } from '../../../src/pipeline/outage.ts'
import type { AppliedMarks, Mark } from '../../../src/pipeline/ports.ts'
import { openAppliedMarks } from '../../../src/redis/applied-marks.ts'
import type { RedisConnection } from '../../../src/redis/connection.ts'
import { pauseKey } from '../../../src/redis/keys.ts'
import { slotOf } from '../../../src/redis/slots.ts'
import { type OwnCluster, startOwnCluster } from '../../setup/redis-cluster.ts'
import { openTestRedis } from '../../setup/redis-connection.ts'
import { type OwnRedis, startOwnRedis } from '../../setup/redis-server.ts'
import { until } from '../../setup/waiting.ts'

const GROUP = 'workers'
const binary = inject('redisServer')

describe('the marks in Redis', () => {
  let connection: RedisConnection
  beforeAll(() => {
    connection = openTestRedis(inject('redisUrl'))
  })
  afterAll(() => connection.close())

  function openOwn() {
    const topic = `marks-${randomUUID().slice(0, 8)}`
    const key = `group-traits:applied:{${topic}}:${GROUP}`
    onTestFinished(async () => {
      await connection.client.del(key, pauseKey(topic, GROUP))
    })
    return { topic, key, marks: openAppliedMarks(connection, topic, GROUP) }
  }

  test('are a hash of partitions and next offsets, and nothing where nobody set them', async () => {
    const { key, marks } = openOwn()
    expect(await marks.read()).toEqual(new Map())
    await set(marks, 0, undefined, 12n)
    await set(marks, 11, undefined, 9_223_372_036_854_775_807n)
    expect(await connection.client.hgetall(key)).toEqual({ 0: '12', 11: '9223372036854775807' })
    expect(nexts(await marks.read())).toEqual({ 0: 12n, 11: 9_223_372_036_854_775_807n })
  })

  test('move from what was seen, and not from anything else', async () => {
    const { key, marks } = openOwn()
    const first = await set(marks, 3, undefined, 0n)
    const second = await set(marks, 3, first, 7n)
    expect(second.next).toBe(7n)
    expect(await marks.compareAndSet(3, first, 9n)).toBeUndefined()
    expect(await marks.compareAndSet(3, undefined, 9n)).toBeUndefined()
    expect(nexts(await marks.read())).toEqual({ 3: 7n })
    await connection.client.del(key)
    expect(await marks.compareAndSet(3, second, 9n)).toBeUndefined()
    expect(await connection.client.exists(key)).toBe(0)
    const read = (await marks.read()).get(3)
    await set(marks, 3, read, 2n)
    await set(marks, 3, (await marks.read()).get(3), 1n)
    expect(nexts(await marks.read())).toEqual({ 3: 1n })
  })

  test('stand still while the workers are paused', async () => {
    const { topic, marks } = openOwn()
    const mark = await set(marks, 0, undefined, 5n)
    await connection.client.set(pauseKey(topic, GROUP), 'token')
    const refusal = await marks.compareAndSet(0, mark, 6n).catch((error) => error)
    expect(refusal).toBeInstanceOf(Unavailable)
    expect(refusal.message).toMatch(/paused/)
    expect(nexts(await marks.read())).toEqual({ 0: 5n })
    await connection.client.del(pauseKey(topic, GROUP))
    await set(marks, 0, mark, 6n)
  })

  test.for([
    ['a string', (key: string) => connection.client.set(key, '5')],
    ['a list', (key: string) => connection.client.rpush(key, '5')],
    ['a value that is no number', (key: string) => connection.client.hset(key, '0', 'five')],
    ['a value that is no offset', (key: string) => connection.client.hset(key, '0', '-5')],
    ['a field that is no partition', (key: string) => connection.client.hset(key, 'zero', '5')],
  ] as const)('are refused where what stands there is %s', async ([, plant]) => {
    const { key, marks } = openOwn()
    await plant(key)
    const refusal = await marks.read().catch((error) => error)
    expect(refusal).toBeInstanceOf(Refused)
    expect(refusal.message).toContain(`what stands at ${key} in Redis was not written by`)
    if ((await connection.client.type(key)) === 'hash') return
    await expect(marks.compareAndSet(0, undefined, 6n)).rejects.toThrow(refusal.message)
  })

  test('are away with Redis', async () => {
    const away = openTestRedis('redis://127.0.0.1:1')
    onTestFinished(() => away.close())
    const marks = openAppliedMarks(away, 'topic', GROUP)
    await expect(marks.read()).rejects.toThrow(Unavailable)
    await expect(marks.compareAndSet(0, undefined, 1n)).rejects.toThrow(Unavailable)
  })
})

describe.skipIf(binary === '')('the marks in a Redis Cluster', () => {
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
    const topic = `marks-${randomUUID().slice(0, 8)}`
    return { topic, marks: openAppliedMarks(connection, topic, GROUP) }
  }

  /** The hash at the key of each master, in their order. */
  async function hashes(topic: string): Promise<Record<string, string>[]> {
    return Promise.all(
      admins.map(async (admin) => {
        const keys = await admin.keys(`group-traits:applied:{${topic}*`)
        expect(keys.length, `keys of one master: ${keys}`).toBeLessThanOrEqual(1)
        const { parts: _, ...marks } = keys[0] === undefined ? {} : await admin.hgetall(keys[0])
        return marks
      }),
    )
  }

  test('stand on every master, and the least counts', async () => {
    const { topic, marks } = openOwn()
    await set(marks, 4, undefined, 20n)
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
    const mark = (await marks.read()).get(4)
    expect(mark?.next).toBe(17n)
    await set(marks, 4, mark, 21n)
    expect(await hashes(topic)).toEqual([{ 4: '21' }, { 4: '21' }, { 4: '21' }])
  })

  test.for([0, 1, 2])(
    'count as none where master %i of three lost them, and come back',
    async (node) => {
      const { topic, marks } = openOwn()
      const seen = await set(marks, 0, undefined, 30n)
      await marks.read()
      await admins[node]?.flushall()
      expect(await marks.compareAndSet(0, seen, 31n)).toBeUndefined()
      const lost = (await marks.read()).get(0)
      expect(lost?.next).toBeUndefined()
      expect(lost?.parts.size).toBe(2)
      await set(marks, 0, lost, 0n)
      expect(await hashes(topic)).toEqual([{ 0: '0' }, { 0: '0' }, { 0: '0' }])
      expect(nexts(await marks.read())).toEqual({ 0: 0n })
    },
  )

  test('stand still on all masters while the workers are paused', async () => {
    const { topic, marks } = openOwn()
    const mark = await set(marks, 0, undefined, 5n)
    await connection.client.set(pauseKey(topic, GROUP), 'token')
    await expect(marks.compareAndSet(0, mark, 6n)).rejects.toThrow(/paused/)
    expect(nexts(await marks.read())).toEqual({ 0: 5n })
    await connection.client.del(pauseKey(topic, GROUP))
    await set(marks, 0, (await marks.read()).get(0), 6n)
  })

  test('are refused where one of them was not written by us', async () => {
    const { topic, marks } = openOwn()
    await set(marks, 0, undefined, 5n)
    const [key = ''] = (await admins[1]?.keys(`group-traits:applied:{${topic}*`)) ?? []
    await admins[1]?.set(key, 'foreign')
    await expect(marks.read()).rejects.toThrow(key)
  })

  describe('that changes', () => {
    let joining: OwnRedis
    beforeAll(async () => {
      const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000']
      joining = await startOwnRedis(binary, { args })
      const admin = new Redis(joining.port)
      await admin.cluster('SET-CONFIG-EPOCH', 9)
      admins.push(admin)
      await admins[0]?.cluster('MEET', '127.0.0.1', joining.port)
      await until('it is known to all', async () => {
        const views = await Promise.all(admins.map((each) => each.cluster('NODES')))
        return views.every((view) => String(view).match(/master/g)?.length === 4)
      })
    })
    afterAll(() => joining?.stop())

    /** Without the keys in it: they would be moved before. */
    async function giveSlots(slots: readonly number[], node: number): Promise<void> {
      const id = String(await admins[node]?.cluster('MYID'))
      for (const slot of slots) {
        await admins[node]?.cluster('SETSLOT', slot, 'NODE', id)
        for (const admin of admins) await admin.cluster('SETSLOT', slot, 'NODE', id)
      }
    }

    test('get one more for a master that joins, which has lost nothing', async () => {
      const { topic, marks } = openOwn()
      const seen = await set(marks, 0, undefined, 40n)
      await set(marks, 1, undefined, 50n)
      await marks.read()
      const slots = Array.from({ length: 300 }, (_, i) => i)
      await giveSlots(slots, 3)
      // finds out by a key that has moved
      await connection.client.exists(keyOfSlot((slot) => slot < 300))
      await until('the client knows', async () => (await marks.read()).get(0)?.parts.size === 4)
      // what began before may have gone to the master that the slots were taken from
      expect(await marks.compareAndSet(0, seen, 41n)).toBeUndefined()
      const found = await marks.read()
      expect(nexts(found)).toEqual({ 0: 40n, 1: 50n })
      await set(marks, 0, found.get(0), 41n)
      expect(await hashes(topic)).toEqual(Array(4).fill({ 0: '41', 1: '50' }))
      await admins[3]?.flushall()
      expect(nexts(await marks.read())).toEqual({ 0: undefined, 1: undefined })
    })
  })
})

function keyOfSlot(isWanted: (slot: number) => boolean): string {
  for (let i = 0; ; i++) if (isWanted(slotOf(`key ${i}`))) return `key ${i}`
}

async function set(
  marks: AppliedMarks,
  partition: number,
  seen: Mark | undefined,
  next: bigint,
): Promise<Mark> {
  const mark = await marks.compareAndSet(partition, seen, next)
  if (mark === undefined) throw new Error(`the mark of partition ${partition} was another`)
  expect((await marks.read()).get(partition)).toEqual(mark)
  return mark
}

function nexts(marks: ReadonlyMap<number, Mark>): Record<number, bigint | undefined> {
  return Object.fromEntries(Array.from(marks, ([partition, { next }]) => [partition, next]))
}
