import { expect, inject, onTestFinished, test } from 'vitest'
import { openScene } from '../../setup/scene/test-scene.ts'
import { startOwnRedis } from '../../setup/servers/own-redis.ts'
import { addUnknown, corrupt, lockOf, rebuild, unknownKeys } from './rebuilt-scene.ts'

const binary = inject('redisServer')

test('a corrupted Redis becomes the fold of the topic again, and no other key is left', async () => {
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
  const verdict = await scene.oracle.check({ timeoutMs: 60_000 })
  expect(verdict.differences).toEqual([])
  for (const worker of scene.workers) expect(worker.saying('lost')).toEqual([])
}, 180_000)

test('groups without any event in the topic are kept and named; --prune deletes them', async () => {
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
    await scene.oracle.untilDrained()
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
