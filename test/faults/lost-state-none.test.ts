/** What resembles a loss but is none: no worker reports one, nothing is replayed, the checkpoints follow. */
import { gzipSync } from 'node:zlib'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { kafkajs } from '../../src/kafka/client/kafkajs.ts'
import { run } from '../setup/cli/command-line.ts'
import { produce } from '../setup/kafka/topics.ts'
import { openRedisProxy, openScene } from '../setup/scene/test-scene.ts'
import { logOf, partitionsOf, untilWorking } from '../setup/scene/worker-status.ts'
import { startOwnRedis } from '../setup/servers/own-redis.ts'
import { until } from '../setup/waiting.ts'
import type { WorkerProcess } from '../setup/worker/worker-process.ts'
import {
  checkpointsOf,
  endsOf,
  eventOf,
  expectNoLoss,
  expectRecovered,
  openSceneWithRedis,
  recordsRead,
  sendAndDrain,
  untilRecovered,
  untilShared,
} from './lost-state-scene.ts'

const RECORDS = 1000

describe.skipIf(inject('redisServer') === '')('no loss is', () => {
  test('a late write of a worker that was frozen in a batch while another took over', async () => {
    const redis = await startOwnRedis(inject('redisServer'))
    onTestFinished(() => redis.stop())
    const { proxy, url } = await openRedisProxy(redis.url)
    const scene = await openScene({ redisUrl: redis.url, partitions: 2 })
    // it still waits for its replies long after it lost its partitions
    const patient = { REDIS_COMMAND_TIMEOUT_MS: '60s' }
    const sleeper = scene.startWorker({ REDIS_URL: url, ...patient })
    await sleeper.said('joined')
    const other = scene.startWorker()
    await other.said('joined')
    const load = scene.load.run(500)
    await untilShared(scene.workers, 1)
    await Promise.all([untilWorking(sleeper), untilWorking(other)])
    const joins = sleeper.saying('joined').length
    proxy.freeze()
    const enough = scene.load.acknowledged.size + 200
    await until('it has a batch in flight', () => scene.load.acknowledged.size > enough)
    sleeper.child.kill('SIGSTOP')
    await until('the other takes over', () => partitionsOf(other)?.length === 2)
    await untilWorking(other)
    proxy.thaw()
    sleeper.child.kill('SIGCONT')
    await until('it joins again', () => sleeper.saying('joined').length > joins)
    await load.stop()
    await expectRecovered(scene)
    await expectNoLoss(scene.workers)
  }, 120_000)

  test('an offset that was set by hand: backwards replays records, forwards skips them', async () => {
    const { scene } = await openSceneWithRedis({ partitions: 2, workers: 1 })
    const [first] = scene.workers as [WorkerProcess]
    await sendAndDrain(scene, RECORDS)
    expect(await first.end('SIGTERM')).toBe(0)
    const { topic, groupId } = scene.config.kafka
    const skipped = Array.from({ length: 50 }, (_, i) => eventOf(`skipped ${i}`))
    await produce(
      scene.config.kafka,
      skipped.map((value) => ({ partition: 1, value })),
    )
    const ends = await endsOf(scene)
    await scene.withAdmin((admin) =>
      admin.setOffsets({
        groupId,
        topic,
        partitions: [
          { partition: 0, offset: '100' },
          { partition: 1, offset: ends[1] ?? '' },
        ],
      }),
    )
    const second = scene.startWorker()
    await until('it has replayed records', async () => (await recordsRead(second)) > 0)
    await untilRecovered(scene)
    // a batch is counted a moment after its checkpoint is written
    const again = Number(ends[0]) - 100
    await expect.poll(() => recordsRead(second), { timeout: 10_000 }).toBe(again)
    await sendAndDrain(scene, 100)
    const { differences } = await scene.oracle.check()
    expect(differences.length).toBeGreaterThan(0)
    for (const difference of differences) {
      expect(difference).toMatchObject({ kind: 'state', actual: undefined })
      expect(JSON.stringify(difference)).toContain('skipped ')
    }
    expect(await checkpointsOf(scene)).toEqual(await endsOf(scene))
    await expectNoLoss([first, second])
  }, 120_000)

  test('a consumer group that Kafka does not know, with a complete Redis', async () => {
    const { scene } = await openSceneWithRedis({ partitions: 2, workers: 1 })
    await sendAndDrain(scene, RECORDS)
    expect(await scene.workers[0]?.end('SIGTERM')).toBe(0)
    await scene.withAdmin((admin) => admin.deleteGroups([scene.config.kafka.groupId]))
    const worker = scene.startWorker()
    await expectRecovered(scene)
    await scene.oracle.untilDrained()
    await expect.poll(() => recordsRead(worker), { timeout: 10_000 }).toBe(RECORDS)
    await expectNoLoss(scene.workers)
  }, 120_000)

  test('a topic that is recreated while the worker runs', async () => {
    const { scene } = await openSceneWithRedis({ partitions: 2, workers: 1 })
    const [worker] = scene.workers as [WorkerProcess]
    await sendAndDrain(scene, RECORDS)
    const earlier = await scene.oracle.readTopic()
    const { topic } = scene.config.kafka
    await scene.withAdmin((admin) => admin.deleteTopics({ topics: [topic] }))
    await worker.said('Kafka is away')
    await until('it is created', () => scene.makeTopic(2).then(() => true))
    await scene.load.send(RECORDS / 5)
    await worker.said('Kafka is back')
    await expectRecovered(scene, { earlier })
    await expectNoLoss(scene.workers)
  }, 120_000)

  test('a batch that was skipped by hand', async () => {
    const limit = { KAFKA_MAX_BATCH_BYTES: '1MiB' }
    const { scene } = await openSceneWithRedis({ partitions: 1, workers: 1, environment: limit })
    const [worker] = scene.workers as [WorkerProcess]
    await sendAndDrain(scene, RECORDS / 10)
    const { kafka } = scene.config
    await produceBomb(kafka)
    await produce(kafka, [{ value: eventOf('after') }])
    const { offset } = await worker.said('cannot be read')
    const skip = await run(['skip', '0', String(offset)], {
      ...limit,
      KAFKA_BROKERS: kafka.brokers.join(','),
      KAFKA_TOPIC: kafka.topic,
      KAFKA_GROUP_ID: kafka.groupId,
    })
    expect(skip.exitCode, skip.stderr).toBe(0)
    await untilRecovered(scene)
    await scene.oracle.untilDrained()
    const { groupPrefix } = scene.config.redis
    expect(await scene.redis.hget(`${groupPrefix}{after}`, 'plan'), logOf(worker)).toBe('free')
    await expectNoLoss(scene.workers)
  }, 120_000)
})

/** Produces a small batch that inflates to 2 MiB, twice the worker's limit. */
async function produceBomb(kafka: Parameters<typeof produce>[0]): Promise<void> {
  const { CompressionTypes, CompressionCodecs } = kafkajs
  const codec = { compress: async ({ buffer }: { buffer: Buffer }) => gzipSync(buffer) }
  ;(CompressionCodecs as Record<number, () => object>)[CompressionTypes.GZIP] = () => codec
  await produce(kafka, [{ value: Buffer.alloc(2 * 1024 * 1024) }], CompressionTypes.GZIP)
}
