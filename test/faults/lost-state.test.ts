/** A Redis that is flushed or comes back empty: workers notice, report it once, and replay the topic. */
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
/** Workers check every ten seconds; the rest is for slow machines. */
const CHECK_TIMEOUT_MS = 20_000
/** Workers notice at the next write. */
const WRITE_TIMEOUT_MS = 8000

describe.skipIf(inject('redisServer') === '')('a Redis that lost everything', () => {
  test('is noticed at the next write, by each of two workers for its own partitions', async () => {
    const { scene } = await openSceneWithRedis({ partitions: 4, workers: 2 })
    const workers = scene.workers
    await untilShared(workers, 2)
    await sendAndDrain(scene, RECORDS)
    const load = scene.load.run(500)
    await scene.redis.flushall()
    const reported = await Promise.all(
      workers.map((worker) => expectOneLossReport(worker, WRITE_TIMEOUT_MS)),
    )
    await load.stop()
    await expectRecovered(scene)
    for (const [i, worker] of workers.entries()) {
      const lost = reported[i]?.map(({ partition }) => partition)
      expect(lost).toEqual(partitionsOf(worker))
      expect(lost).toHaveLength(2)
      expect(reported[i]?.map(({ redisHas }) => redisHas)).toEqual(['nothing', 'nothing'])
      await expectReportedOnce(worker, 2)
    }
  }, 120_000)

  test('is noticed within seconds even without new events', async () => {
    const { scene } = await openSceneWithRedis({ partitions: 3, workers: 1 })
    const [worker] = scene.workers as [WorkerProcess]
    await sendAndDrain(scene, RECORDS)
    const ends = await endsOf(scene)
    await scene.redis.flushall()
    const reported = await expectOneLossReport(worker, CHECK_TIMEOUT_MS)
    expect(reported).toEqual(
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

  test('is refilled each time, also if it is flushed again during the replay', async () => {
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
      const reported = lossReports(worker).length
      expect(reported).toBeGreaterThan(0)
      expect(reported).toBeLessThanOrEqual(12)
    }
  }, 120_000)

  test('is refilled from the beginning of the topic when a worker starts', async () => {
    const { scene } = await openSceneWithRedis({ partitions: 2, workers: 1 })
    await sendAndDrain(scene, RECORDS)
    expect(await scene.workers[0]?.end('SIGTERM')).toBe(0)
    await scene.redis.flushall()
    const worker = scene.startWorker()
    const reported = await expectOneLossReport(worker)
    expect(reported.map(({ partition, redisHas }) => [partition, redisHas])).toEqual([
      [0, 'nothing'],
      [1, 'nothing'],
    ])
    await expectRecovered(scene)
    await expectReportedOnce(worker, 2)
    await expect.poll(() => recordsRead(worker), { timeout: 10_000 }).toBe(RECORDS)

    // a repaired loss is not reported again at the next start
    expect(await worker.end('SIGTERM')).toBe(0)
    const next = scene.startWorker()
    await next.said('joined')
    await sendAndDrain(scene, 100)
    expect(lossReports(next), logOf(next)).toEqual([])
    await expectRecovered(scene)
  }, 120_000)

  test('is reported with what the topic no longer contains, and gets the rest', async () => {
    const { scene } = await openSceneWithRedis({ partitions: 2, workers: 1 })
    const [worker] = scene.workers as [WorkerProcess]
    await sendAndDrain(scene, RECORDS)
    const earlier = { ...(await scene.oracle.readTopic()), states: new Map(), records: 0 }
    const { topic } = scene.config.kafka
    await scene.withAdmin(async (admin) => {
      await admin.fetchTopicOffsets(topic) // otherwise the client does not know the partitions' leaders
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 1, offset: '400' }] })
    })
    await scene.redis.flushall()
    await scene.load.send(10)
    const reported = await expectOneLossReport(worker, WRITE_TIMEOUT_MS)
    expect(reported.map(({ partition, goneFromTopic }) => [partition, goneFromTopic])).toEqual([
      [0, undefined],
      [1, '400'],
    ])
    expect(worker.saying('are no longer in the topic: they stay lost')).toHaveLength(1)
    const { records } = await expectRecovered(scene, { earlier })
    expect(records).toBe(RECORDS + 10 - 400)
    expect((await checkpointsOf(scene))[1]).toBe((await endsOf(scene))[1])
  }, 120_000)
})

async function expectReportedOnce(worker: WorkerProcess, partitions: number): Promise<void> {
  expect(lossReports(worker), logOf(worker)).toHaveLength(partitions)
  expect(await metricOf(worker, 'group_traits_lost_state_total')).toBe(partitions)
}
