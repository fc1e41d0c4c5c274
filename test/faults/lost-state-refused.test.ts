/** Losses that a worker must not repair, and malformed checkpoints: the worker ends and logs what to do. */
import { describe, expect, inject, test } from 'vitest'
import { logOf } from '../setup/scene/worker-status.ts'
import type { WorkerProcess } from '../setup/worker/worker-process.ts'
import {
  committedOf,
  endsOf,
  expectOneLossReport,
  expectRecovered,
  lossReports,
  openSceneWithRedis,
  sceneCheckpointKey,
  sendAndDrain,
} from './lost-state-scene.ts'

const RECORDS = 500
const STOP = { WORKER_ON_LOST_STATE: 'stop' }

describe.skipIf(inject('redisServer') === '')('a worker that is to stop', () => {
  test('ends at a loss without changing anything, at every start, until it may replay', async () => {
    const { scene } = await openSceneWithRedis({ partitions: 3, workers: 1, environment: STOP })
    const [first] = scene.workers as [WorkerProcess]
    await sendAndDrain(scene, RECORDS)
    const load = scene.load.run(500)
    await scene.redis.flushall()
    expect(await first.exited, logOf(first)).toBe(1)
    await load.stop()
    const fatal = first.lines.filter(({ level }) => level === 'fatal')
    expect(
      fatal.map(({ msg }) => msg),
      logOf(first),
    ).toEqual([expect.stringMatching(ADVICE)])
    expect(await expectOneLossReport(first)).toHaveLength(3)
    expect(first.saying('Redis lost')[0]?.msg).not.toContain('again')
    expect(await scene.redis.exists(sceneCheckpointKey(scene))).toBe(0)

    await scene.redis.flushall()
    const committed = await committedOf(scene)
    const second = scene.startWorker()
    expect(await second.exited, logOf(second)).toBe(1)
    expect(second.lines.at(-1)?.msg).toMatch(/the worker has stopped|worker.onLostState/)
    expect(await expectOneLossReport(second)).toHaveLength(3)
    expect(await scene.redis.dbsize()).toBe(0)
    expect(await committedOf(scene)).toEqual(committed)

    const third = scene.startWorker({ WORKER_ON_LOST_STATE: 'replay' })
    await expectOneLossReport(third)
    await expectRecovered(scene)
    expect(await third.end('SIGTERM')).toBe(0)

    // now there is no loss any more
    const fourth = scene.startWorker()
    await fourth.said('joined')
    await sendAndDrain(scene, 100)
    await expectRecovered(scene)
    expect(lossReports(fourth)).toEqual([])
  }, 120_000)

  test('ends at a loss even without new events', async () => {
    const { scene } = await openSceneWithRedis({ partitions: 2, workers: 1, environment: STOP })
    const [worker] = scene.workers as [WorkerProcess]
    await sendAndDrain(scene, RECORDS)
    const committed = await committedOf(scene)
    await scene.redis.flushall()
    expect(await worker.exited, logOf(worker)).toBe(1)
    expect(await expectOneLossReport(worker)).toHaveLength(2)
    expect(await scene.redis.dbsize()).toBe(0)
    expect(await committedOf(scene)).toEqual(committed)
    expect(await endsOf(scene)).toEqual(committed)
  }, 120_000)
})

const ADVICE = /Redis lost acknowledged writes \(partitions 0, 1, 2\).*`group-traits rebuild`/

const WRONG_KEYS = [
  { what: 'a string', plant: ['SET', 'foreign'] },
  { what: 'a list', plant: ['RPUSH', '12'] },
  { what: 'a hash with a value that is not a number', plant: ['HSET', '0', 'twelve'] },
  { what: 'a hash with a field that is not a number', plant: ['HSET', 'zero', '12'] },
] as const

describe.skipIf(inject('redisServer') === '')('the key of the checkpoints', () => {
  test.for(WRONG_KEYS)(
    'ends the worker if it is $what, and stays unchanged',
    { timeout: 120_000 },
    async ({ plant }) => {
      const { scene } = await openSceneWithRedis({ partitions: 1 })
      const key = sceneCheckpointKey(scene)
      const [command, ...args] = plant
      await scene.redis.call(command, key, ...args)
      const planted = await scene.redis.dump(key)
      await scene.load.send(10)
      const worker = scene.startWorker()
      expect(await worker.exited, logOf(worker)).toBe(1)
      const [fatal, ...others] = worker.lines.filter(({ level }) => level === 'fatal')
      expect(fatal?.msg).toContain(key)
      expect(fatal?.msg).toMatch(/was not written by group-traits: rename or delete it/)
      expect(others).toEqual([])
      expect(await scene.redis.dump(key)).toBe(planted)
      expect(lossReports(worker)).toEqual([])
    },
  )

  test('also ends a running worker if it becomes a string', { timeout: 120_000 }, async () => {
    const { scene } = await openSceneWithRedis({ partitions: 1, workers: 1 })
    const [worker] = scene.workers as [WorkerProcess]
    await sendAndDrain(scene, 100)
    await scene.redis.del(sceneCheckpointKey(scene))
    await scene.redis.set(sceneCheckpointKey(scene), 'foreign')
    await scene.load.send(10)
    expect(await worker.exited, logOf(worker)).toBe(1)
    expect(worker.lines.filter(({ level }) => level === 'fatal')).toHaveLength(1)
  })
})
