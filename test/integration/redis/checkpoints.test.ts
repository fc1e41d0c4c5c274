import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { NotRetriable, Unavailable } from '../../../src/pipeline/errors.ts'
import { openCheckpoints } from '../../../src/redis/checkpoint/checkpoints.ts'
import type { RedisConnection } from '../../../src/redis/connection/connection.ts'
import { pauseKey } from '../../../src/redis/keys.ts'
import { openTestRedis } from '../../setup/redis/connection.ts'
import { nexts, set } from './checkpoints.ts'

const GROUP = 'workers'

describe('the checkpoints in Redis', () => {
  let connection: RedisConnection
  beforeAll(() => {
    connection = openTestRedis(inject('redisUrl'))
  })
  afterAll(() => connection.close())

  function openOwn() {
    const topic = `checkpoints-${randomUUID().slice(0, 8)}`
    const key = `group-traits:applied:{${topic}}:${GROUP}`
    onTestFinished(async () => {
      await connection.client.del(key, pauseKey(topic, GROUP))
    })
    return { topic, key, checkpoints: openCheckpoints(connection, topic, GROUP) }
  }

  test('are a hash, partition to next offset, and absent before anybody sets them', async () => {
    const { key, checkpoints } = openOwn()
    expect(await checkpoints.read()).toEqual(new Map())
    await set(checkpoints, 0, undefined, 12n)
    await set(checkpoints, 11, undefined, 9_223_372_036_854_775_807n)
    expect(await connection.client.hgetall(key)).toEqual({ 0: '12', 11: '9223372036854775807' })
    expect(nexts(await checkpoints.read())).toEqual({ 0: 12n, 11: 9_223_372_036_854_775_807n })
  })

  test('are set only if they still are what the caller last saw', async () => {
    const { key, checkpoints } = openOwn()
    const first = await set(checkpoints, 3, undefined, 0n)
    const second = await set(checkpoints, 3, first, 7n)
    expect(second.next).toBe(7n)
    expect(await checkpoints.compareAndSet(3, first, 9n)).toBeUndefined()
    expect(await checkpoints.compareAndSet(3, undefined, 9n)).toBeUndefined()
    expect(nexts(await checkpoints.read())).toEqual({ 3: 7n })
    await connection.client.del(key)
    expect(await checkpoints.compareAndSet(3, second, 9n)).toBeUndefined()
    expect(await connection.client.exists(key)).toBe(0)
    const read = (await checkpoints.read()).get(3)
    await set(checkpoints, 3, read, 2n)
    await set(checkpoints, 3, (await checkpoints.read()).get(3), 1n)
    expect(nexts(await checkpoints.read())).toEqual({ 3: 1n })
  })

  test('cannot be set while the workers are paused', async () => {
    const { topic, checkpoints } = openOwn()
    const checkpoint = await set(checkpoints, 0, undefined, 5n)
    await connection.client.set(pauseKey(topic, GROUP), 'token')
    const failure = await checkpoints.compareAndSet(0, checkpoint, 6n).catch((error) => error)
    expect(failure).toBeInstanceOf(Unavailable)
    expect(failure.message).toMatch(/paused/)
    expect(nexts(await checkpoints.read())).toEqual({ 0: 5n })
    await connection.client.del(pauseKey(topic, GROUP))
    await set(checkpoints, 0, checkpoint, 6n)
  })

  test.for([
    ['a string', (key: string) => connection.client.set(key, '5')],
    ['a list', (key: string) => connection.client.rpush(key, '5')],
    ['a value that is no number', (key: string) => connection.client.hset(key, '0', 'five')],
    ['a value that is no offset', (key: string) => connection.client.hset(key, '0', '-5')],
    ['a field that is no partition', (key: string) => connection.client.hset(key, 'zero', '5')],
  ] as const)('are rejected if the value at their key is %s', async ([, plant]) => {
    const { key, checkpoints } = openOwn()
    await plant(key)
    const failure = await checkpoints.read().catch((error) => error)
    expect(failure).toBeInstanceOf(NotRetriable)
    expect(failure.message).toContain(`the value at ${key} in Redis was not written by`)
    if ((await connection.client.type(key)) === 'hash') return
    await expect(checkpoints.compareAndSet(0, undefined, 6n)).rejects.toThrow(failure.message)
  })

  test('are unavailable while Redis is away', async () => {
    const away = openTestRedis('redis://127.0.0.1:1')
    onTestFinished(() => away.close())
    const checkpoints = openCheckpoints(away, 'topic', GROUP)
    await expect(checkpoints.read()).rejects.toThrow(Unavailable)
    await expect(checkpoints.compareAndSet(0, undefined, 1n)).rejects.toThrow(Unavailable)
  })
})
