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

test('a corrupted Redis is the fold of the topic again, and nothing is left beside it', async () => {
  const scene = await openScene({ partitions: 3, workers: 1 })
  await scene.load.send(3000)
  expect((await scene.oracle.check()).differences).toEqual([])
  await corrupt(scene)
  expect((await scene.oracle.check()).differences.length).toBeGreaterThan(20)

  const { exitCode, stdout } = await rebuild(scene)
  expect(stdout).toMatch(/^3000 records read, \d+ groups rebuilt; the workers were paused/)
  expect(exitCode).toBe(0)
  expect((await scene.oracle.check()).differences).toEqual([])
})

test('without workers it does the same, and says in JSON what it did', async () => {
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

test('under load, with two workers, nothing is lost, time and again', async () => {
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

test('groups that the topic knows nothing of stay and are named, and go with --prune', async () => {
  const scene = await openScene({ partitions: 1 })
  await scene.load.send(200)
  await addUnknown(scene)
  const { exitCode, stdout } = await rebuild(scene)
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(
    /an event in the topic, which were kept: 2\n {2}unknown [ab]\n {2}unknown [ab]$/m,
  )
  expect(await unknownKeys(scene)).toHaveLength(5)

  const pruned = await rebuild(scene, '--prune')
  expect(pruned.stdout).toContain('Groups without an event in the topic: 2 deleted.')
  expect(pruned.exitCode).toBe(0)
  expect(await unknownKeys(scene)).toEqual([])
})

test('a group with a foreign key is named and left, the others are put in place', async () => {
  const scene = await openScene({ partitions: 1 })
  await scene.load.send(500)
  const taken = `${scene.config.redis.groupPrefix}{group 0}`
  await scene.redis.set(taken, 'by somebody else')
  const { exitCode, stdout } = await rebuild(scene, '--json')
  expect(exitCode).toBe(1)
  const { states } = await scene.oracle.readTopic()
  expect(JSON.parse(stdout)).toMatchObject({
    placed: states.size - 1,
    conflicts: [{ groupId: 'group 0', message: `${taken} is a string` }],
  })
  expect(await scene.redis.get(taken)).toBe('by somebody else')
})

describe('where the topic does not hold all events any more', () => {
  test('they are merged into what stands, and what only Redis knows stays', async () => {
    const scene = await withRetention()
    await addUnknown(scene)
    await scene.redis.hset(`${scene.config.redis.groupPrefix}{group 0}`, 'plan', 'corrupted')
    const before = await contents(scene)
    await scene.redis.del(`${scene.config.redis.groupPrefix}{group 1}`)
    const { exitCode, stdout, stderr } = await rebuild(scene)
    expect(exitCode).toBe(0)
    expect(stderr).toMatch(
      /no longer has all events:\n {2}partition 0 begins at offset 1500: earlier records are gone/,
    )
    expect(stdout).toMatch(/^1500 records merged into the state in Redis\.$/m)
    expect(Object.keys(await contents(scene)).sort()).toEqual(Object.keys(before).sort())
    expect(await unknownKeys(scene)).toHaveLength(5)
  })

  test('they replace what stands with --replace, which needs a yes', async () => {
    const scene = await withRetention()
    const before = await contents(scene)
    const refused = await rebuild(scene, '--replace')
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' })
    expect(refused.stderr).toMatch(
      /^error: data that only Redis has would be lost: to do so, add --yes/m,
    )
    expect(await contents(scene)).toEqual(before)

    const done = await rebuild(scene, '--replace', '--prune', '--yes')
    expect(done).toMatchObject({ exitCode: 0 })
    expect((await scene.oracle.check()).differences.filter(({ kind }) => kind === 'state')).toEqual(
      [],
    )
  })

  test('--prune alone is refused', async () => {
    const scene = await withRetention()
    const before = await contents(scene)
    const { exitCode, stderr } = await rebuild(scene, '--prune', '--yes')
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(
      /^error: --prune would delete groups whose events are no longer in the topic/m,
    )
    expect(await contents(scene)).toEqual(before)
  })

  test('a compacted topic is told as such', async () => {
    const scene = await openScene({ partitions: 1 })
    await compact(scene)
    const { exitCode, stderr } = await rebuild(scene)
    expect(exitCode).toBe(0)
    expect(stderr).toContain('it is compacted: it may have only the last record of each key')
  })
})

describe('ended early', () => {
  test('by SIGINT while it reads: nothing is changed, and nothing left behind', async () => {
    const scene = await openScene({ partitions: 1, workers: 1 })
    await scene.load.send(10_000)
    await scene.oracle.drained()
    const { child, outcome, said } = begin(scene)
    await said('reading the topic')
    child.kill('SIGINT')
    expect((await outcome).stdout).toMatch(
      /^\d+ records read, 0 groups rebuilt\.\nStopped early: nothing was changed\.$/m,
    )
    expect((await outcome).exitCode).toBe(1)
    expect((await scene.oracle.check()).differences).toEqual([])
    expect(await scene.redis.exists(pauseOf(scene))).toBe(0)
  })

  test('by SIGKILL, at any point: the workers go on, nothing is lost, and it can be run again', async () => {
    const scene = await openScene({ partitions: 3, workers: 2 })
    await scene.load.send(2000)
    const load = scene.load.run(300)
    for (const point of ['reading', 'are paused', 'replacing', 'replacing', 'repairing']) {
      await corrupt(scene)
      const { child, outcome, said } = begin(scene)
      await said(point)
      await sleep(Math.random() * 30) // any point will do
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
    await said('replacing the groups')
    child.kill('SIGKILL')
    await outcome
    await expire(scene, pauseOf(scene))
    await load.stop()
    await deleteSecondPrefix(scene)
    const { differences } = await scene.oracle.check({ deadlineMs: 60_000 })
    // index entries of members erased meanwhile may stay, until it is run again
    const { userPrefix } = scene.config.redis
    const isOfIndex = (each: object) => 'key' in each && String(each.key).startsWith(userPrefix)
    expect(differences.filter((each) => !isOfIndex(each))).toEqual([])
    expect(await rebuild(scene)).toMatchObject({ exitCode: 0 })
    expect((await scene.oracle.check({ deadlineMs: 60_000 })).differences).toEqual([])
  }, 180_000)

  test.skipIf(binary === '')(
    'by SIGINT while groups are put in place: it says how to go on',
    async () => {
      const { scene, child, outcome, way } = await withSlowPlacing()
      const folded = `${scene.config.redis.groupPrefix}rebuild:{group 0}:clock`
      await until('it is in place', async () => (await scene.redis.exists(folded)) === 0)
      child.kill('SIGINT')
      const { exitCode, stdout } = await outcome
      expect(stdout).toMatch(/^Stopped early: .*Run it again/m)
      expect(exitCode).toBe(1)
      way.slow(0)
      expect(await scene.redis.exists(pauseOf(scene))).toBe(0)
      await scene.load.send(500)
      expect((await scene.oracle.check({ deadlineMs: 60_000 })).differences).toEqual([])
    },
    180_000,
  )

  describe.skipIf(binary === '')('by standing still for longer than the workers are paused', () => {
    test.each(['SIGSTOP', 'frozen way'])(
      '(%s) it does not go on',
      async (how) => {
        const { scene, child, outcome, said, way } = await withSlowPlacing()
        await said('replacing the groups')
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
        expect(stderr).toMatch(/^error: Redis or this process stood still for too long/m)
        expect(exitCode).toBe(1)
        expect((await scene.oracle.check()).differences).toEqual([])
      },
      180_000,
    )
  })
})

test.skipIf(binary === '')(
  'where Redis has no room for a second copy, it keeps none from the workers',
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

test('two at once: the second is refused', async () => {
  const scene = await openScene({ partitions: 1 })
  await scene.load.send(100)
  await scene.redis.set(lockOf(scene), 'another one')
  const { exitCode, stderr } = await rebuild(scene)
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(/^error: another rebuild of this Redis is at work/m)
  expect(await scene.redis.get(lockOf(scene))).toBe('another one')
})

test.skipIf(binary === '')(
  'a worker that ended because Redis lost its state finds it healed',
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

/** With 3000 records, of which retention took the first half, merged by a worker before. */
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

/** Values, clocks, members and index entries that no event tells of; others that are missing. */
async function corrupt({ redis, config }: Scene): Promise<void> {
  const group = (id: number) => `${config.redis.groupPrefix}{group ${id}}`
  const user = (id: string) => `${config.redis.userPrefix}{user ${id}}`
  for (let id = 0; id < 10; id++) {
    await redis.hset(group(id), 'plan', 'corrupted', 'foreign', 'x')
    if ((await redis.exists(`${group(id)}:clock`)) === 1) {
      await redis.hset(`${group(id)}:clock`, 'foreign', '9000000000000000j')
    }
    await redis.hdel(group(id), 'employees')
    await redis.zadd(`${group(id)}:members`, 9e15, 'user 3', 5, 'of nobody')
    await redis.zadd(`${user(`${id}`)}:groups`, 7, `group ${id + 1}`, 7, 'no group')
    await redis.unlink(`${group(id + 20)}:left`, `${user(`${id + 20}`)}:groups`)
    await redis.unlink(group(id + 40), `${group(id + 40)}:clock`)
  }
  await redis.zadd(`${user('of nobody')}:left`, 1, 'group 1')
}

/** Groups that no event in the topic tells of, with an entry in the user index. */
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

/** What the next rebuild would do. */
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

/** Lets a key be over now that would be over 30 s after its owner, which is gone or frozen. */
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

/** A rebuild that has paused the worker, and whose way to Redis is slow from then on. */
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

/** Begins a rebuild, to be disturbed. */
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
