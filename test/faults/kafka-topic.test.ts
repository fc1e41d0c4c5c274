/** The topic changes under running workers: it gets partitions, or retention deletes unread records. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, inject, test } from 'vitest'
import { readOffsets } from '../../src/kafka/topics/offsets.ts'
import { silentLog } from '../setup/logs.ts'
import { expectNoDifference } from '../setup/scene/oracle.ts'
import type { Scene } from '../setup/scene/scene.ts'
import { openRedisProxy } from '../setup/scene/test-scene.ts'
import { healthOf, logOf, partitionsOf, untilWorking } from '../setup/scene/worker-status.ts'
import { until } from '../setup/waiting.ts'
import type { WorkerProcess } from '../setup/worker/worker-process.ts'
import { AWAY, expectUnharmed, FETCH_MS, LONG_TIMEOUTS, useOwnBroker } from './kafka-topic-scene.ts'

const jars = inject('kafkaJars')

describe.skipIf(jars === '')('under the workers', () => {
  const { broker, openOwn, cutOff } = useOwnBroker()

  test('partitions added under load are found and read from their beginning', async () => {
    const scene = await openOwn({ partitions: 2, workers: 2 })
    const { workers } = scene
    const load = scene.load.run(1000)
    await Promise.all(workers.map(untilWorking))
    const topicPartitions = [{ topic: scene.config.kafka.topic, count: 6 }]
    await scene.withAdmin((admin) => admin.createPartitions({ topicPartitions }))
    await until('the workers share all of them', () =>
      workers.every((worker) => partitionsOf(worker)?.length === 3),
    )
    for (const worker of workers) expect(await healthOf(worker)).toMatchObject({ readyz: 200 })
    await load.stop()
    expectNoDifference(await scene.oracle.check())
    const offsets = await readOffsets(scene.config.kafka, silentLog)
    expect(offsets.filter(({ end }) => end > 0n)).toHaveLength(6)
    for (const worker of workers) expectUnharmed(worker, [])
  }, 150_000)

  describe('retention overtakes a worker, which logs what it lost and continues:', () => {
    test('while it is stopped', async () => {
      const scene = await openOwn({ partitions: 2, workers: 1 })
      const [first] = scene.workers as [WorkerProcess]
      await scene.load.send(1000)
      await scene.oracle.untilDrained()
      expect(await first.end('SIGTERM')).toBe(0)
      const earlier = await scene.oracle.readTopic()
      const lost = await loseRecords(scene)
      const second = scene.startWorker()
      expectNoDifference(await scene.oracle.check({ earlier }))
      expect(earlier.records).toBeLessThan(2500)
      expectUnharmed(second, await lossWarningsOf(second, lost))
    }, 150_000)

    test('while it is cut off', async () => {
      const scene = await openOwn({ partitions: 2, workers: 1 })
      const [worker] = scene.workers as [WorkerProcess]
      await scene.load.send(1000)
      await scene.oracle.untilDrained()
      const earlier = await scene.oracle.readTopic()
      await cutOff(worker)
      const lost = await loseRecords(scene)
      await broker().proxy.restore()
      expectNoDifference(await scene.oracle.check({ earlier }))
      expectUnharmed(worker, [AWAY, ...(await lossWarningsOf(worker, lost))])
    }, 150_000)

    test('while it waits for Redis with a batch in flight', async () => {
      const { proxy, url } = await openRedisProxy()
      const environment = { ...LONG_TIMEOUTS, REDIS_URL: url }
      const scene = await openOwn({ partitions: 1, workers: 1 }, environment)
      const [worker] = scene.workers as [WorkerProcess]
      await scene.load.send(1000)
      await scene.oracle.untilDrained()
      await proxy.cut()
      await scene.load.send(1)
      await worker.said('Redis is away')
      const earlier = await scene.oracle.readTopic()
      worker.child.kill('SIGSTOP') // otherwise it fetches beyond the batch
      await sleep(FETCH_MS)
      const lost = await loseRecords(scene)
      worker.child.kill('SIGCONT')
      await proxy.restore()
      expectNoDifference(await scene.oracle.check({ earlier }))
      const away = 'warn: Redis is away: waiting for it'
      expectUnharmed(worker, [away, ...(await lossWarningsOf(worker, lost))])
    }, 150_000)
  })
})

/**
 * Sends records, then deletes all but the last KEPT of them from the topic.
 *
 * @returns the deleted offsets, as the log names them
 */
async function loseRecords({ config, load, withAdmin }: Scene): Promise<string[]> {
  const { topic } = config.kafka
  const before = await readOffsets(config.kafka, silentLog)
  await load.send(2000)
  return withAdmin(async (admin) => {
    const partitions = (await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => ({
      partition,
      offset: String(Number(high) - KEPT),
    }))
    await admin.deleteTopicRecords({ topic, partitions })
    return partitions.map(
      ({ partition, offset }) => `offsets ${before[partition]?.end} to ${Number(offset) - 1}`,
    )
  })
}

const KEPT = 100

/** Waits until the worker has logged one error for each of the lost ranges; returns those lines. */
async function lossWarningsOf(worker: WorkerProcess, lost: readonly string[]): Promise<string[]> {
  await until(
    `each loss is logged; the log: ${logOf(worker)}`,
    () => worker.saying('are not in the state').length >= lost.length,
  )
  const lines = worker.saying('are not in the state').map(({ level, msg }) => `${level}: ${msg}`)
  for (const offsets of lost) {
    expect(
      lines.filter((line) => line.startsWith('error: ') && line.includes(offsets)),
    ).toHaveLength(1)
  }
  return lines
}
