import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { pauseKey } from '../../../src/redis/keys.ts'
import { openGroupStore } from '../../../src/redis/writing/group-store.ts'
import type { Scene } from '../../faults/scene/scene.ts'
import { openScene, openWayToRedis } from '../../faults/scene/stage.ts'
import { openTestRedis } from '../../setup/redis-connection.ts'
import { startOwnRedis } from '../../setup/redis-server.ts'
import { until } from '../../setup/waiting.ts'
import { patchOf } from '../redis/patches.ts'
import { type Environment, type Outcome, run, start } from './command-line.ts'

const binary = inject('redisServer')

test('a corrupted Redis becomes the fold of the topic again, and no other key is left', async () => {
  const scene = await openScene({ partitions: 3, workers: 1 })
  await scene.load.send(3000)
  expect((await scene.oracle.check()).differences).toEqual([])
  await corrupt(scene)
  expect((await scene.oracle.check()).differences.length).toBeGreaterThan(20)

  const { exitCode, stdout } = await rebuild(scene)
  expect(stdout).toMatch(/^3000 records read, and \d+ groups put in place; the workers were paused/)
  expect(exitCode).toBe(0)
  expect((await scene.oracle.check()).differences).toEqual([])
})

test('a rebuild without workers does the same, and reports in JSON what it did', async () => {
  const scene = await openScene({ partitions: 2 })
  await scene.load.send(1000)
  const { exitCode, stdout, stderr } = await rebuild(scene, '--json')
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  const truth = await scene.oracle.readTopic()
  expect(JSON.parse(stdout)).toMatchObject({
    mode: 'replace',
    records: 1000,
    placed: truth.states.size,
    pruned: 0,
    stayed: { count: 0, groups: [] },
    conflicts: [],
    unreadable: [],
    pausedMs: expect.any(Number),
    isInterrupted: false,
  })
  const worker = scene.startWorker()
  await worker.said('joined')
  expect((await scene.oracle.check()).differences).toEqual([])
})

test('repeated rebuilds under load, with two workers, lose nothing', async () => {
  const scene = await openScene({ partitions: 4, workers: 2 })
  await scene.load.send(2000)
  const load = scene.load.run(400)
  for (let round = 0; round < 3; round++) {
    await corrupt(scene)
    expect(await rebuild(scene)).toMatchObject({ exitCode: 0 })
  }
  await load.stop()
  const verdict = await scene.oracle.check({ deadlineMs: 60_000 })
  expect(verdict.differences).toEqual([])
  for (const worker of scene.workers) expect(worker.saying('lost')).toEqual([])
}, 180_000)

test('groups without any event in the topic are kept and named; --prune deletes them', async () => {
  const scene = await openScene({ partitions: 1 })
  await scene.load.send(200)
  await addUnknown(scene)
  const { exitCode, stdout } = await rebuild(scene)
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(/knows nothing of, and that stay: 2\n {2}unknown [ab]\n {2}unknown [ab]$/m)
  expect(await unknownKeys(scene)).toHaveLength(5)

  const pruned = await rebuild(scene, '--prune')
  expect(pruned.stdout).toContain('Groups that the topic knows nothing of: 2 deleted.')
  expect(pruned.exitCode).toBe(0)
  expect(await unknownKeys(scene)).toEqual([])
})

test('a group with a key of the wrong type is named and kept, the others are replaced', async () => {
  const scene = await openScene({ partitions: 1 })
  await scene.load.send(500)
  const taken = `${scene.config.redis.groupPrefix}{group 0}`
  await scene.redis.set(taken, 'by another program')
  const { exitCode, stdout } = await rebuild(scene, '--json')
  expect(exitCode).toBe(1)
  const { states } = await scene.oracle.readTopic()
  expect(JSON.parse(stdout)).toMatchObject({
    placed: states.size - 1,
    conflicts: [{ groupId: 'group 0', message: `${taken} is a string` }],
  })
  expect(await scene.redis.get(taken)).toBe('by another program')
})

describe('if the topic no longer holds all events', () => {
  test('its events are merged into Redis, and what only Redis holds is kept', async () => {
    const scene = await withRetention()
    await addUnknown(scene)
    await scene.redis.hset(`${scene.config.redis.groupPrefix}{group 0}`, 'plan', 'corrupted')
    const before = await contents(scene)
    await scene.redis.del(`${scene.config.redis.groupPrefix}{group 1}`)
    const { exitCode, stdout, stderr } = await rebuild(scene)
    expect(exitCode).toBe(0)
    expect(stderr).toMatch(
      /does not hold all events any more:\n {2}the records before offset 1500 of partition 0 are gone/,
    )
    expect(stdout).toMatch(/^1500 records merged into what stands in Redis\.$/m)
    expect(Object.keys(await contents(scene)).sort()).toEqual(Object.keys(before).sort())
    expect(await unknownKeys(scene)).toHaveLength(5)
  })

  test('--replace drops what only Redis holds, and needs --yes', async () => {
    const scene = await withRetention()
    const before = await contents(scene)
    const refused = await rebuild(scene, '--replace')
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' })
    expect(refused.stderr).toMatch(/^error: what only Redis knows would be lost: add --yes/m)
    expect(await contents(scene)).toEqual(before)

    const done = await rebuild(scene, '--replace', '--prune', '--yes')
    expect(done).toMatchObject({ exitCode: 0 })
    expect((await scene.oracle.check()).differences.filter(({ kind }) => kind === 'state')).toEqual(
      [],
    )
  })

  test('--prune without --replace fails', async () => {
    const scene = await withRetention()
    const before = await contents(scene)
    const { exitCode, stderr } = await rebuild(scene, '--prune', '--yes')
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(
      /^error: --prune would delete groups whose events the topic no longer holds/m,
    )
    expect(await contents(scene)).toEqual(before)
  })

  test('the message says that a topic is compacted', async () => {
    const scene = await openScene({ partitions: 1 })
    await compact(scene)
    const { exitCode, stderr } = await rebuild(scene)
    expect(exitCode).toBe(0)
    expect(stderr).toContain('it is compacted: of each key the last record may be all')
  })
})

describe('interrupted', () => {
  test('by SIGINT while it reads: nothing is changed, and no key is left behind', async () => {
    const scene = await openScene({ partitions: 1, workers: 1 })
    await scene.load.send(10_000)
    await scene.oracle.drained()
    const { child, outcome, said } = begin(scene)
    await said('reading the topic')
    child.kill('SIGINT')
    expect((await outcome).stdout).toMatch(
      /^\d+ records read, and 0 groups put in place\.\nEnded early: nothing was changed\.$/m,
    )
    expect((await outcome).exitCode).toBe(1)
    expect((await scene.oracle.check()).differences).toEqual([])
    expect(await scene.redis.exists(pauseOf(scene))).toBe(0)
  })

  test('by SIGKILL at any point: the workers go on, nothing is lost, and it can be run again', async () => {
    const scene = await openScene({ partitions: 3, workers: 2 })
    await scene.load.send(2000)
    const load = scene.load.run(300)
    for (const point of ['reading', 'are paused', 'putting', 'putting', 'setting']) {
      await corrupt(scene)
      const { child, outcome, said } = begin(scene)
      await said(point)
      await sleep(Math.random() * 30) // any moment of this step
      child.kill('SIGKILL')
      await outcome
      await expire(scene, lockOf(scene))
      await expire(scene, pauseOf(scene))
    }
    expect(await rebuild(scene)).toMatchObject({ exitCode: 0 })
    await load.stop()
    expect((await scene.oracle.check({ deadlineMs: 60_000 })).differences).toEqual([])
  }, 180_000)

  test('by SIGKILL while the workers are paused: they go on by themselves, and no group loses anything', async () => {
    const scene = await openScene({ partitions: 3, workers: 2 })
    await scene.load.send(2000)
    const load = scene.load.run(300)
    const { child, outcome, said } = begin(scene)
    await said('putting')
    child.kill('SIGKILL')
    await outcome
    await expire(scene, pauseOf(scene))
    await load.stop()
    await deleteSecondPrefix(scene)
    const { differences } = await scene.oracle.check({ deadlineMs: 60_000 })
    // entries of the user index for members that were replaced may be wrong until the next rebuild
    const { userPrefix } = scene.config.redis
    const isOfIndex = (each: object) => 'key' in each && String(each.key).startsWith(userPrefix)
    expect(differences.filter((each) => !isOfIndex(each))).toEqual([])
    expect(await rebuild(scene)).toMatchObject({ exitCode: 0 })
    expect((await scene.oracle.check({ deadlineMs: 60_000 })).differences).toEqual([])
  }, 180_000)

  test.skipIf(binary === '')(
    'by SIGINT while groups are replaced: it says how to go on',
    async () => {
      const { scene, child, outcome, way } = await withSlowPlacing()
      const folded = `${scene.config.redis.groupPrefix}rebuild:{group 0}:clock`
      await until('the group is replaced', async () => (await scene.redis.exists(folded)) === 0)
      child.kill('SIGINT')
      const { exitCode, stdout } = await outcome
      expect(stdout).toMatch(/^Ended early: .*Run it again/m)
      expect(exitCode).toBe(1)
      way.slow(0)
      expect(await scene.redis.exists(pauseOf(scene))).toBe(0)
      await scene.load.send(500)
      expect((await scene.oracle.check({ deadlineMs: 60_000 })).differences).toEqual([])
    },
    180_000,
  )

  describe.skipIf(binary === '')('by being frozen for longer than the pause lasts', () => {
    test.each(['SIGSTOP', 'frozen way'])(
      '(%s): it does not go on',
      async (how) => {
        const { scene, child, outcome, said, way } = await withSlowPlacing()
        await said('putting')
        if (how === 'SIGSTOP') child.kill('SIGSTOP')
        else way.freeze()
        await scene.load.send(500)
        await expire(scene, lockOf(scene))
        await expire(scene, pauseOf(scene))
        await scene.oracle.drained(60_000)
        expect(await scene.redis.exists(pauseOf(scene))).toBe(0)
        way.slow(0)
        if (how === 'SIGSTOP') child.kill('SIGCONT')
        else way.thaw()
        const { exitCode, stderr } = await outcome
        expect(stderr).toMatch(/^error: Redis or this process was frozen for too long/m)
        expect(exitCode).toBe(1)
        expect((await scene.oracle.check()).differences).toEqual([])
      },
      180_000,
    )
  })
})

test.skipIf(binary === '')(
  'if Redis has no room for a second copy, the rebuild fails and frees the room for the workers',
  async () => {
    const scene = await openScene({ partitions: 1, workers: 1, redisUrl: await ownRedis() })
    await scene.load.send(10_000)
    await scene.oracle.drained()
    const used = Number(/^used_memory:(\d+)/m.exec(await scene.redis.info('memory'))?.[1])
    await scene.redis.config('SET', 'maxmemory', used + 300_000)
    const { exitCode, stderr } = await rebuild(scene)
    expect(stderr).toMatch(/^error: Redis is full: it has no room for a second copy/m)
    expect(exitCode).toBe(1)
    await scene.redis.config('SET', 'maxmemory', 0)
    expect((await scene.oracle.check()).differences).toEqual([])
  },
  60_000,
)

test('a second rebuild at the same time fails', async () => {
  const scene = await openScene({ partitions: 1 })
  await scene.load.send(100)
  await scene.redis.set(lockOf(scene), 'another rebuild')
  const { exitCode, stderr } = await rebuild(scene)
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(/^error: another rebuild of this Redis is running/m)
  expect(await scene.redis.get(lockOf(scene))).toBe('another rebuild')
})

test.skipIf(binary === '')(
  'a worker that ended because Redis lost state starts again after a rebuild',
  async () => {
    const server = await startOwnRedis(binary)
    onTestFinished(() => server.stop())
    const scene = await openScene({ partitions: 2, redisUrl: server.url })
    await scene.load.send(500)
    const stops = { WORKER_ON_LOST_STATE: 'stop' }
    const first = scene.startWorker(stops)
    await scene.oracle.drained()
    await scene.redis.flushall()
    expect(await first.exited).toBe(1)
    await scene.startWorker(stops).said('rebuild')

    expect(await rebuild(scene)).toMatchObject({ exitCode: 0 })
    const worker = scene.startWorker(stops)
    await scene.load.send(500)
    expect((await scene.oracle.check()).differences).toEqual([])
    expect(worker.child.exitCode).toBeNull()
  },
  60_000,
)

/** A topic of 3000 records, all merged by a worker, of which retention then deleted the first half. */
async function withRetention(): Promise<Scene> {
  const scene = await openScene({ partitions: 1, workers: 1 })
  await scene.load.send(3000)
  await scene.oracle.drained()
  const { topic } = scene.config.kafka
  await scene.withAdmin(async (admin) => {
    await admin.fetchTopicOffsets(topic) // else it does not know the topic
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '1500' }] })
  })
  return scene
}

async function compact({ config, withAdmin }: Scene): Promise<void> {
  const configEntries = [{ name: 'cleanup.policy', value: 'compact,delete' }]
  const resources = [{ type: 2, name: config.kafka.topic, configEntries }]
  await withAdmin((admin) => admin.alterConfigs({ validateOnly: false, resources }))
}

/** Adds values, clocks, members and index entries without an event, and deletes others. */
async function corrupt({ redis, config }: Scene): Promise<void> {
  const group = (id: number) => `${config.redis.groupPrefix}{group ${id}}`
  const user = (id: string) => `${config.redis.userPrefix}{user ${id}}`
  for (let id = 0; id < 10; id++) {
    await redis.hset(group(id), 'plan', 'corrupted', 'by hand', 'x')
    if ((await redis.exists(`${group(id)}:clock`)) === 1) {
      await redis.hset(`${group(id)}:clock`, 'by hand', '9000000000000000j')
    }
    await redis.hdel(group(id), 'employees')
    await redis.zadd(`${group(id)}:members`, 9e15, 'user 3', 5, 'of nobody')
    await redis.zadd(`${user(`${id}`)}:groups`, 7, `group ${id + 1}`, 7, 'no group')
    await redis.unlink(`${group(id + 20)}:left`, `${user(`${id + 20}`)}:groups`)
    await redis.unlink(group(id + 40), `${group(id + 40)}:clock`)
  }
  await redis.zadd(`${user('of nobody')}:left`, 1, 'group 1')
}

/** Adds groups without any event in the topic, one of them with an entry in the user index. */
async function addUnknown({ config }: Scene): Promise<void> {
  const connection = openTestRedis(config.redis.url, config.redis)
  await openGroupStore(connection).merge([
    patchOf('unknown a', { clock: 1, traits: { plan: 'x' }, users: { 'unknown user': true } }),
    patchOf('unknown b', { clock: 1, traits: { removed: null } }),
  ])
  connection.close()
}

async function unknownKeys({ redis, config }: Scene): Promise<string[]> {
  const { groupPrefix, userPrefix } = config.redis
  const found = await Promise.all([
    redis.keys(`${groupPrefix}*unknown*`),
    redis.keys(`${userPrefix}*unknown*`),
  ])
  return found.flat()
}

async function contents({ redis, config }: Scene): Promise<Record<string, string | undefined>> {
  const prefix = config.redis.groupPrefix.slice(0, -'group:'.length)
  const keys = await redis.keys(`${prefix}*`)
  const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)))
  return Object.fromEntries(keys.map((key, i) => [key, dumps[i]?.toString('hex')]))
}

/** As the next rebuild would do first. */
async function deleteSecondPrefix({ redis, config }: Scene): Promise<void> {
  const keys = await redis.keys(`${config.redis.groupPrefix}rebuild:*`)
  await redis.unlink(...keys, lockOf({ config }))
}

function lockOf({ config }: Pick<Scene, 'config'>): string {
  return `${config.redis.groupPrefix}rebuild:lock`
}

function pauseOf({ config }: Scene): string {
  return pauseKey(config.kafka.topic, config.kafka.groupId)
}

/** Expires a lock now instead of up to 30 s after its owner was killed or frozen. */
async function expire({ redis }: Scene, key: string): Promise<void> {
  const leftMs = await redis.pttl(key)
  expect(leftMs === NO_KEY || (leftMs > 0 && leftMs <= 30_000), `${key}: ${leftMs}`).toBe(true)
  await redis.pexpire(key, 0)
}

const NO_KEY = -2

function rebuild(scene: Scene, ...flags: string[]): Promise<Outcome> {
  return run(['rebuild', ...flags], environmentOf(scene))
}

async function ownRedis(): Promise<string> {
  const server = await startOwnRedis(binary)
  onTestFinished(() => server.stop())
  return server.url
}

/** A rebuild that has paused the worker, and whose connection to Redis is slow from then on. */
async function withSlowPlacing() {
  const redisUrl = await ownRedis()
  const { way, url } = await openWayToRedis(redisUrl)
  const scene = await openScene({ partitions: 2, workers: 1, redisUrl })
  await scene.load.send(500)
  await scene.oracle.drained()
  const process = begin(scene, { REDIS_URL: url })
  await process.said('are paused')
  way.slow(200)
  return { scene, way, ...process }
}

/** Starts a rebuild as a process of its own, to be interrupted. */
function begin(scene: Scene, changes: Environment = {}) {
  const child = start(['rebuild'], { ...environmentOf(scene), ...changes })
  onTestFinished(() => void child.kill('SIGKILL'))
  let stderr = ''
  child.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  const stdout = text(child.stdout!)
  const outcome = once(child, 'close').then(async ([exitCode]): Promise<Outcome> => {
    return { exitCode, stdout: await stdout, stderr }
  })
  const said = (what: string) => until(`it says ${what}`, () => stderr.includes(what), 60_000)
  return { child, outcome, said }
}

function environmentOf({ config: { kafka, redis } }: Scene): Environment {
  return {
    KAFKA_BROKERS: kafka.brokers.join(','),
    KAFKA_TOPIC: kafka.topic,
    KAFKA_GROUP_ID: kafka.groupId,
    REDIS_URL: redis.url,
    REDIS_GROUP_PREFIX: redis.groupPrefix,
    REDIS_USER_PREFIX: redis.userPrefix,
  }
}
