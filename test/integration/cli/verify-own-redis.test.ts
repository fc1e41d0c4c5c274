import { Redis } from 'ioredis'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { openRedis } from '../../../src/redis/connection/connection.ts'
import { silentLog as log } from '../../setup/logs.ts'
import { startOwnRedis } from '../../setup/servers/own-redis.ts'
import { startOwnCluster } from '../../setup/servers/own-redis-cluster.ts'
import { startWorker } from '../../setup/worker/test-worker.ts'
import {
  configOf,
  event,
  keyOf,
  makeVerifiedTopic,
  runVerify,
  someEvents,
} from './verified-topic.ts'

const binary = inject('redisServer')

describe.skipIf(binary === '')('on its own Redis', () => {
  test('a Redis user with reading rights is enough', async () => {
    const own = await startOwnRedis(binary)
    onTestFinished(() => own.stop())
    const admin = new Redis(own.port, { protocol: 2 })
    await admin.acl('SETUSER', 'auditor', 'on', '>pw', '~*', '+@read', '+@connection', '-@write')
    const topic = await makeVerifiedTopic({ REDIS_URL: own.url })
    await topic.send([...someEvents(100, 20), event('acme', 'ann', {}, { assigned: false })])
    startWorker(topic.environment)
    await topic.caughtUp()
    const auditor = `redis://auditor:pw@127.0.0.1:${own.port}`
    const good = await runVerify({ ...topic.environment, REDIS_URL: auditor })
    expect(good).toMatchObject({ exitCode: 0, verdict: { groups: 21 } })
    await admin.hset(keyOf(topic, 'group3'), 'planted', 'x')
    const bad = await runVerify({ ...topic.environment, REDIS_URL: auditor })
    admin.disconnect()
    expect(bad).toMatchObject({ exitCode: 1, verdict: { differences: { count: 1 } } })
  })

  test('verify waits while the workers replay what Redis lost', async () => {
    const own = await startOwnRedis(binary)
    onTestFinished(() => own.stop())
    const topic = await makeVerifiedTopic({ REDIS_URL: own.url })
    await topic.send(someEvents(100, 20))
    const worker = startWorker(topic.environment)
    await topic.caughtUp()
    const admin = new Redis(own.port, { protocol: 2 })
    await admin.flushall()
    const healed = await runVerify(topic.environment)
    expect(healed).toMatchObject({ exitCode: 0, verdict: { groups: 20 } })

    await worker.end('SIGTERM')
    await admin.flushall()
    admin.disconnect()
    const { exitCode, stderr } = await runVerify(topic.environment, '--timeout', '1')
    expect(exitCode).toBe(1)
    expect(stderr).toContain('no worker makes progress')
    expect(stderr).toContain('a lag of 100 records')
  })

  test('verify reads every master of a Cluster', async () => {
    const cluster = await startOwnCluster(binary)
    onTestFinished(() => cluster.stop())
    const topic = await makeVerifiedTopic({ REDIS_URL: cluster.url })
    await topic.send(someEvents(600, 60))
    startWorker(topic.environment)
    await topic.caughtUp()
    const good = await runVerify(topic.environment)
    expect(good).toMatchObject({ exitCode: 0, verdict: { groups: 60 } })

    const { config } = configOf(topic.environment)
    const connection = openRedis(config.redis, log)
    onTestFinished(() => connection.close())
    await connection.opened
    const extras = Array.from({ length: 9 }, (_, i) => `extra${i}`)
    for (const id of extras) await connection.client.hset(`${keyOf(topic, id)}:clock`, 'x', '1')
    for (const id of extras) {
      await connection.client.zadd(
        `${topic.environment.REDIS_USER_PREFIX}{${id}}:left`,
        1,
        'group1',
      )
    }
    const { verdict } = await runVerify(topic.environment)
    const named = verdict.differences.first.map(
      ({ group, kind, name }) => `${group} ${kind} ${name}`,
    )
    expect(named.sort()).toEqual(
      [
        ...extras.map((id) => `${id} conflict `),
        ...extras.map((id) => `group1 index ${id}`),
      ].sort(),
    )
  })
})
