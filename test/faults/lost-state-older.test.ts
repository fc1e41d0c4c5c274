/** A Redis that comes back older than it was: only what lies behind its checkpoints is read again. */
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
  test('by a snapshot: only what came after it is read again', async () => {
    const { redis, scene } = await openSceneWithRedis({ partitions: 2, workers: 1 })
    const [worker] = scene.workers as [WorkerProcess]
    await sendAndDrain(scene, RECORDS)
    const kept = await checkpointsOf(scene)
    await scene.redis.save()
    await sendAndDrain(scene, RECORDS / 2)
    const ends = await endsOf(scene)
    await redis.kill()
    await redis.startAgain()
    const told = await expectOneLossReport(worker)
    expect(told).toEqual(
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

  test('by a snapshot, under load, with two workers that start while it is away', async () => {
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
    const told = () => new Set(scene.workers.flatMap(lossReports).map(({ partition }) => partition))
    await until('all is told', () => told().size === 4)
    await load.stop()
    await expectRecovered(scene)
    for (const worker of scene.workers) {
      for (const { redisHas } of lossReports(worker)) expect(redisHas).toMatch(/^\d+$/)
    }
  }, 120_000)

  test.for([
    { appendfsync: 'everysec', bytes: 1, what: 'the end of the last command' },
    { appendfsync: 'no', bytes: 30_000, what: 'a good deal' },
  ])(
    'by an append-only file that lost $what',
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
      const told = await expectOneLossReport(worker)
      for (const { partition, appliedUpTo, redisHas } of told) {
        expect(appliedUpTo).toBe(ends[partition])
        expect(Number(redisHas)).toBeGreaterThan(0)
        expect(Number(redisHas)).toBeLessThan(Number(ends[partition]))
      }
      await sendAndDrain(scene, 100)
      await expectRecovered(scene)
      const again = told.reduce(
        (sum, { appliedUpTo, redisHas }) => sum + Number(appliedUpTo) - Number(redisHas),
        0,
      )
      await expect.poll(() => recordsRead(worker), { timeout: 10_000 }).toBe(RECORDS + again + 100)
      expect(again).toBeLessThan(RECORDS)
    },
  )
})

/** The part of the append-only file that is written to: Redis 7 and later has several, in a folder. */
async function loseTail(folder: string, bytes: number): Promise<void> {
  const files = await readdir(folder, { recursive: true })
  const name = files.find((file) => /appendonly\.aof(\.\d+\.incr\.aof)?$/.test(file)) ?? ''
  const path = join(folder, name)
  const { size } = await stat(path)
  await truncate(path, size - bytes)
}
