/** A Redis that comes back with older data: only the records after its checkpoints are replayed. */
import { readdir, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, inject, test } from 'vitest'
import { until } from '../setup/waiting.ts'
import type { WorkerProcess } from '../setup/worker/worker-process.ts'
import {
  checkpointsOf,
  endsOf,
  expectOneLossReport,
  expectRecovered,
  lossReports,
  openSceneWithRedis,
  recordsRead,
  sendAndDrain,
} from './lost-state-scene.ts'

const RECORDS = 1000

describe.skipIf(inject('redisServer') === '')('a Redis that comes back older', () => {
  test('from a snapshot: only the records after it are replayed', async () => {
    const { redis, scene } = await openSceneWithRedis({ partitions: 2, workers: 1 })
    const [worker] = scene.workers as [WorkerProcess]
    await sendAndDrain(scene, RECORDS)
    const kept = await checkpointsOf(scene)
    await scene.redis.save()
    await sendAndDrain(scene, RECORDS / 2)
    const ends = await endsOf(scene)
    await redis.kill()
    await redis.startAgain()
    const reported = await expectOneLossReport(worker)
    expect(reported).toEqual(
      [0, 1].map((partition) => ({
        partition,
        appliedUpTo: ends[partition],
        redisHas: kept[partition],
      })),
    )
    await expectRecovered(scene)
    await expect
      .poll(() => recordsRead(worker), { timeout: 10_000 })
      .toBe(RECORDS + RECORDS / 2 + RECORDS / 2)
    await sendAndDrain(scene, 100)
    await expectRecovered(scene)
    await expectOneLossReport(worker)
  }, 120_000)

  test('from a snapshot, under load, with two workers that start while it is away', async () => {
    const { redis, scene } = await openSceneWithRedis({ partitions: 4, workers: 2 })
    await sendAndDrain(scene, RECORDS)
    const load = scene.load.run(500)
    await scene.redis.save()
    const enough = scene.load.acknowledged.size + 700
    await until('the load goes on', () => scene.load.acknowledged.size > enough)
    await redis.kill()
    await scene.workers[1]?.end('SIGKILL')
    scene.startWorker()
    await redis.startAgain()
    const reported = () =>
      new Set(scene.workers.flatMap(lossReports).map(({ partition }) => partition))
    await until('each partition is reported', () => reported().size === 4)
    await load.stop()
    await expectRecovered(scene)
    for (const worker of scene.workers) {
      for (const { redisHas } of lossReports(worker)) expect(redisHas).toMatch(/^\d+$/)
    }
  }, 120_000)

  test.for([
    { appendfsync: 'everysec', bytes: 1, what: 'the end of the last command' },
    { appendfsync: 'no', bytes: 30_000, what: 'its last 30 kB' },
  ])(
    'from an append-only file that lost $what',
    { timeout: 120_000 },
    async ({ appendfsync, bytes }) => {
      const args = ['--appendonly', 'yes', '--appendfsync', appendfsync]
      const { redis, scene } = await openSceneWithRedis({
        partitions: 2,
        workers: 1,
        redis: { args },
      })
      const [worker] = scene.workers as [WorkerProcess]
      await sendAndDrain(scene, RECORDS)
      const ends = await endsOf(scene)
      await redis.kill()
      await loseTail(redis.folder, bytes)
      await redis.startAgain(['--aof-load-truncated', 'yes'])
      const reported = await expectOneLossReport(worker)
      for (const { partition, appliedUpTo, redisHas } of reported) {
        expect(appliedUpTo).toBe(ends[partition])
        expect(Number(redisHas)).toBeGreaterThan(0)
        expect(Number(redisHas)).toBeLessThan(Number(ends[partition]))
      }
      await sendAndDrain(scene, 100)
      await expectRecovered(scene)
      const again = reported.reduce(
        (sum, { appliedUpTo, redisHas }) => sum + Number(appliedUpTo) - Number(redisHas),
        0,
      )
      await expect.poll(() => recordsRead(worker), { timeout: 10_000 }).toBe(RECORDS + again + 100)
      expect(again).toBeLessThan(RECORDS)
    },
  )
})

/** Truncates the append-only file that Redis writes to; since Redis 7 it is one of several in a folder. */
async function loseTail(folder: string, bytes: number): Promise<void> {
  const files = await readdir(folder, { recursive: true })
  const name = files.find((file) => /appendonly\.aof(\.\d+\.incr\.aof)?$/.test(file)) ?? ''
  const path = join(folder, name)
  const { size } = await stat(path)
  await truncate(path, size - bytes)
}
