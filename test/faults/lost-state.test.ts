/** A Redis that is flushed or comes back empty: workers notice, say so once, and read all again. */
import { describe, expect, inject, test } from 'vitest'
import { logOf, partitionsOf } from '../setup/scene/worker-status.ts'
import type { WorkerProcess } from '../setup/worker/worker-process.ts'
import {
  checkpointsOf,
  endsOf,
  expectOneLossReport,
  expectRecovered,
  lossReports,
  metricOf,
  openSceneWithRedis,
  recordsRead,
  sendAndDrain,
  untilShared,
} from './lost-state-scene.ts'

const RECORDS = 2000
/** A look every ten seconds, and what a slow machine adds. */
const LOOK_DEADLINE_MS = 20_000
/** At the next write. */
const WRITE_DEADLINE_MS = 8000

describe.skipIf(inject('redisServer') === '')('a Redis that lost everything', () => {
  test('is noticed at the next write, and by two workers each for its own partitions', async () => {
    const { scene } = await openSceneWithRedis({ partitions: 4, workers: 2 })
    const workers = scene.workers
    await untilShared(workers, 2)
    await sendAndDrain(scene, RECORDS)
    const load = scene.load.run(500)
    await scene.redis.flushall()
    const told = await Promise.all(
      workers.map((worker) => expectOneLossReport(worker, WRITE_DEADLINE_MS)),
    )
    await load.stop()
    await expectRecovered(scene)
    for (const [i, worker] of workers.entries()) {
      const lost = told[i]?.map(({ partition }) => partition)
      expect(lost).toEqual(partitionsOf(worker))
      expect(lost).toHaveLength(2)
      expect(told[i]?.map(({ redisHas }) => redisHas)).toEqual(['nothing', 'nothing'])
      await expectReportedOnce(worker, 2)
    }
  }, 120_000)

  test('is noticed within seconds where no events come', async () => {
    const { scene } = await openSceneWithRedis({ partitions: 3, workers: 1 })
    const [worker] = scene.workers as [WorkerProcess]
    await sendAndDrain(scene, RECORDS)
    const ends = await endsOf(scene)
    await scene.redis.flushall()
    const told = await expectOneLossReport(worker, LOOK_DEADLINE_MS)
    expect(told).toEqual(
      [0, 1, 2].map((partition) => ({
        partition,
        appliedUpTo: ends[partition],
        redisHas: 'nothing',
      })),
    )
    expect((await expectRecovered(scene)).records).toBe(RECORDS)
    await expectReportedOnce(worker, 3)
    await expect.poll(() => recordsRead(worker), { timeout: 10_000 }).toBe(2 * RECORDS)
  }, 120_000)

  test('flushed again and again, under way and while it is read again, is mended each time', async () => {
    const { scene } = await openSceneWithRedis({ partitions: 2, workers: 2 })
    await untilShared(scene.workers, 1)
    const load = scene.load.run(800)
    for (let flush = 0; flush < 12; flush++) {
      const enough = scene.load.acknowledged.size + 150 + flush
      await expect
        .poll(() => scene.load.acknowledged.size, { timeout: 20_000 })
        .toBeGreaterThan(enough)
      await scene.redis.flushall()
    }
    await load.stop()
    await expectRecovered(scene)
    for (const worker of scene.workers) {
      const told = lossReports(worker).length
      expect(told).toBeGreaterThan(0)
      expect(told).toBeLessThanOrEqual(12)
    }
  }, 120_000)

  test('is filled again at the start of a worker, from the beginning', async () => {
    const { scene } = await openSceneWithRedis({ partitions: 2, workers: 1 })
    await sendAndDrain(scene, RECORDS)
    expect(await scene.workers[0]?.end('SIGTERM')).toBe(0)
    await scene.redis.flushall()
    const worker = scene.startWorker()
    const told = await expectOneLossReport(worker)
    expect(told.map(({ partition, redisHas }) => [partition, redisHas])).toEqual([
      [0, 'nothing'],
      [1, 'nothing'],
    ])
    await expectRecovered(scene)
    await expectReportedOnce(worker, 2)
    await expect.poll(() => recordsRead(worker), { timeout: 10_000 }).toBe(RECORDS)

    // what was mended is no loss at the next start
    expect(await worker.end('SIGTERM')).toBe(0)
    const next = scene.startWorker()
    await next.said('joined')
    await sendAndDrain(scene, 100)
    expect(lossReports(next), logOf(next)).toEqual([])
    await expectRecovered(scene)
  }, 120_000)

  test('is told with how much the topic no longer holds, and gets the rest', async () => {
    const { scene } = await openSceneWithRedis({ partitions: 2, workers: 1 })
    const [worker] = scene.workers as [WorkerProcess]
    await sendAndDrain(scene, RECORDS)
    const earlier = { ...(await scene.oracle.readTopic()), states: new Map(), records: 0 }
    const { topic } = scene.config.kafka
    await scene.withAdmin(async (admin) => {
      await admin.fetchTopicOffsets(topic) // else it does not know where the partitions are
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 1, offset: '400' }] })
    })
    await scene.redis.flushall()
    await scene.load.send(10)
    const told = await expectOneLossReport(worker, WRITE_DEADLINE_MS)
    expect(told.map(({ partition, goneFromTopic }) => [partition, goneFromTopic])).toEqual([
      [0, undefined],
      [1, '400'],
    ])
    expect(worker.saying('the topic no longer holds all of it')).toHaveLength(1)
    const { records } = await expectRecovered(scene, { earlier })
    expect(records).toBe(RECORDS + 10 - 400)
    expect((await checkpointsOf(scene))[1]).toBe((await endsOf(scene))[1])
  }, 120_000)
})

async function expectReportedOnce(worker: WorkerProcess, partitions: number): Promise<void> {
  expect(lossReports(worker), logOf(worker)).toHaveLength(partitions)
  expect(await metricOf(worker, 'group_traits_lost_state_total')).toBe(partitions)
}
