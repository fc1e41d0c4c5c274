import { randomUUID } from 'node:crypto'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { OutageBoard } from '../../../src/app/outage-board.ts'
import { emptyTally, openRebuild } from '../../../src/app/rebuild/context.ts'
import { pauseAndReplace } from '../../../src/app/rebuild/paused-replacement.ts'
import { type RebuildOptions, rebuild } from '../../../src/app/rebuild/rebuild.ts'
import { readBounds } from '../../../src/app/topic-view.ts'
import type { RedisConnection } from '../../../src/redis/connection/connection.ts'
import { checkpointKey, groupKey, groupsKey, pauseKey, userKey } from '../../../src/redis/keys.ts'
import { readGroup } from '../../../src/redis/reading/group-reader.ts'
import { walkKeys } from '../../../src/redis/reading/key-walk.ts'
import { acquireLock } from '../../../src/redis/rebuild/redis-lock.ts'
import { openGroupStore } from '../../../src/redis/writing/group-store.ts'
import { patchOf } from '../../setup/domain/patches.ts'
import { produce } from '../../setup/kafka/topics.ts'
import { silentLog } from '../../setup/logs.ts'
import { layoutOf, readKeys } from '../../setup/oracle/state-layout.ts'
import { openTestRedis } from '../../setup/redis/connection.ts'
import { withStepBefore } from '../../setup/redis/step-before.ts'
import type { Scene } from '../../setup/scene/scene.ts'
import { openScene } from '../../setup/scene/test-scene.ts'
import { startOwnRedis } from '../../setup/servers/own-redis.ts'
import { startOwnCluster } from '../../setup/servers/own-redis-cluster.ts'

const binary = inject('redisServer')

test.each(['read', 'paused'])(
  'a rebuild whose lock another one took (%s) ends, and leaves the second prefix to it',
  async (step) => {
    const scene = await openScene({ partitions: 1 })
    await scene.load.send(300)
    const { groupPrefix } = scene.config.redis
    let takeover: Promise<unknown> | undefined
    const onProgress: RebuildOptions['onProgress'] = ({ kind }) => {
      if (kind === step) takeover ??= scene.redis.set(`${groupPrefix}rebuild:lock`, 'another')
    }
    await expect(rebuild({ ...optionsOf(scene), onProgress })).rejects.toThrow(/Run it again/)
    await takeover
    expect(await scene.redis.exists(`${groupPrefix}{group 1}:clock`)).toBe(0)
    expect(await scene.redis.exists(`${groupPrefix}rebuild:{group 1}:clock`)).toBe(1)
  },
)

test('if the latest records cannot be merged, the pause outlasts the batches in flight', async () => {
  const scene = await openScene({ partitions: 1 })
  await scene.load.send(300)
  const connection = openTestRedis(scene.config.redis.url, scene.config.redis)
  onTestFinished(() => connection.close())
  let sending: Promise<unknown> | undefined
  const disturbed = withStepBefore(connection, 'replaceGroups', async () => {
    sending ??= scene.load.send(10)
    await sending
  })
  const { context, lock } = await begin(scene, disturbed)
  const failing = { ...context.intoLive, merge: () => Promise.reject(new Error('no more')) }
  const { starts } = await readBounds(scene.config.kafka, silentLog)
  const replacing = pauseAndReplace({ ...context, intoLive: failing }, new Map(starts), lock)
  await expect(replacing).rejects.toThrow('no more')
  const { topic, groupId } = scene.config.kafka
  expect(await scene.redis.pttl(pauseKey(topic, groupId))).toBeGreaterThan(5000)
})

test('a batch that begins during the pause, and gets its checkpoint after it, is not lost', async () => {
  const scene = await openScene({ partitions: 2 })
  await scene.load.send(300)
  const connection = openTestRedis(scene.config.redis.url, scene.config.redis)
  onTestFinished(() => connection.close())
  // a worker merges into the old group during the pause, and writes its checkpoint later
  const worker = openGroupStore(connection)
  const disturb = async () => {
    const event = { group_id: 'group 1', user_id: 'late', traits: { late: 'yes' } }
    const value = JSON.stringify({ ...event, timestamp: '2025-06-01T00:00:00Z' })
    await produce(scene.config.kafka, [{ value }])
    const clock = Date.UTC(2025, 5, 1) * 1000
    await worker.merge([
      patchOf('group 1', { clock, traits: { late: 'yes' }, users: { late: true } }),
    ])
  }
  let disturbing: Promise<void> | undefined
  const disturbed = withStepBefore(connection, 'replaceGroups', () => {
    disturbing ??= disturb()
    return disturbing
  })
  const { context, lock } = await begin(scene, disturbed)
  const { starts } = await readBounds(scene.config.kafka, silentLog)
  await pauseAndReplace(context, new Map(starts), lock)

  const group = await readGroup(connection, 'group 1')
  expect(group?.traits.find(({ name }) => name === 'late')?.value).toBe('yes')
  expect(group?.members.map(({ userId }) => userId)).toContain('late')
})

describe.skipIf(binary === '')('on its own servers', () => {
  test('on a Cluster, under load, the state is the fold of the topic', async () => {
    const cluster = await startOwnCluster(binary)
    onTestFinished(() => cluster.stop())
    const scene = await openScene({ partitions: 3 })
    const worker = scene.startWorker({ REDIS_URL: cluster.url })
    await scene.load.send(1000)
    await scene.oracle.untilDrained()
    const redis = openTestRedis(cluster.url, { ...scene.config.redis, url: cluster.url })
    onTestFinished(() => redis.close())
    await corrupt(redis)

    const load = scene.load.run(200)
    const report = await rebuild(optionsOf(scene, cluster.url))
    await load.stop()
    await scene.oracle.untilDrained(60_000)
    expect(report).toMatchObject({ mode: 'replace', stayed: ['unknown'], conflicts: [] })
    const { states } = await scene.oracle.readTopic()
    states.set('unknown', UNKNOWN)
    expect(await contentOf(redis)).toEqual(layoutOf(states.values()))
    expect(await worker.end('SIGTERM')).toBe(0)
  }, 180_000)

  test.each(['replace', 'merge'] as const)(
    'a flush during the rebuild is not hidden from the workers (%s)',
    async (mode) => {
      const server = await startOwnRedis(binary)
      onTestFinished(() => server.stop())
      const scene = await openScene({ partitions: 1, redisUrl: server.url })
      await scene.load.send(1000)
      const options = { ...optionsOf(scene), mode }
      let flushed: Promise<unknown> | undefined
      const onProgress: RebuildOptions['onProgress'] = ({ kind }) => {
        if (kind === 'repairing') flushed = scene.redis.flushall()
      }
      await expect(rebuild({ ...options, onProgress })).rejects.toThrow(
        /Redis lost what was written/,
      )
      await flushed
      const { topic, groupId } = scene.config.kafka
      expect(await scene.redis.exists(checkpointKey(topic, groupId, 0))).toBe(0)
      await rebuild(options)
      expect(await scene.redis.hgetall(checkpointKey(topic, groupId, 0))).toEqual({ 0: '1000' })
    },
  )

  test('if Redis restarts while the topic is read, no group is replaced', async () => {
    const server = await startOwnRedis(binary, { args: ['--appendonly', 'yes'] })
    onTestFinished(() => server.stop())
    const scene = await openScene({ partitions: 2, redisUrl: server.url })
    await scene.load.send(1000)
    let restart: Promise<void> | undefined
    const begun = rebuild({
      ...optionsOf(scene),
      onProgress: ({ kind }) => {
        if (kind === 'read') restart ??= server.kill().then(() => server.startAgain())
      },
    })
    await expect(begun).rejects.toThrow(/Run it again|run it again/)
    await restart
    const redis = openTestRedis(server.url, scene.config.redis)
    onTestFinished(() => redis.close())
    expect(await contentOf(redis)).toEqual({})
  }, 60_000)
})

const UNKNOWN = patchOf('unknown', { clock: 3, traits: { plan: 'x' }, users: { 'user 1': true } })

async function begin(scene: Scene, connection: RedisConnection) {
  const outages = new OutageBoard(['kafka', 'redis'], silentLog, Date.now, () => {})
  const context = await openRebuild(optionsOf(scene), connection, outages, emptyTally())
  const key = `${scene.config.redis.groupPrefix}rebuild:lock`
  const options = { key, token: randomUUID(), ttlMs: 30_000, elapsed: () => performance.now() }
  const lock = await acquireLock(connection, options)
  if (lock === undefined) throw new Error(`${key} is held`)
  onTestFinished(() => lock.release())
  return { context, lock }
}

function optionsOf({ config }: Scene, redisUrl = config.redis.url): RebuildOptions {
  return {
    config: { ...config, redis: { ...config.redis, url: redisUrl } },
    log: silentLog,
    mode: 'replace',
    prune: false,
    acceptGaps: false,
    token: randomUUID(),
    signal: new AbortController().signal,
    onProgress: () => {},
  }
}

async function corrupt(connection: RedisConnection): Promise<void> {
  const { client, settings } = connection
  await openGroupStore(connection).merge([UNKNOWN])
  for (let id = 0; id < 10; id++) {
    await client.hset(groupKey(settings, `group ${id}`), 'plan', 'corrupted', 'by hand', 'x')
    await client.zadd(`${groupKey(settings, `group ${id}`)}:members`, 9e15, 'of nobody')
    await client.unlink(groupKey(settings, `group ${id + 20}`))
    const groups = groupsKey(userKey(settings, `user ${id}`))
    await client.zadd(groups, 7, `group ${id + 1}`, 7, 'no group')
    await client.unlink(groupsKey(userKey(settings, `user ${id + 20}`)))
  }
}

/** All keys under the prefixes, in the form of `layoutOf`. */
async function contentOf(connection: RedisConnection) {
  const prefix = connection.settings.groupPrefix.slice(0, -'group:'.length)
  const found = new Set<string>()
  for await (const keys of walkKeys(connection, prefix, '')) {
    for (const key of keys) found.add(key.slice(prefix.length))
  }
  return await readKeys(connection.client, prefix, [...found])
}
