/** The topic changes under the workers: it grows, is made anew, or loses records unread. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { readOffsets } from '../../src/kafka/topics/offsets.ts'
import { type OwnBroker, startBroker } from '../integration/kafka/own-broker.ts'
import type { WorkerProcess } from '../integration/worker/spawned-worker.ts'
import { silentLog } from '../setup/logs.ts'
import { until } from '../setup/waiting.ts'
import { expectNoDifference } from './scene/oracle.ts'
import type { Scene } from './scene/scene.ts'
import { openScene, openWayToRedis } from './scene/stage.ts'
import {
  complaintsOf,
  hasEnded,
  healthOf,
  partitionsOf,
  story,
  untilReady,
  untilWorking,
} from './scene/worker-signs.ts'

const jars = inject('kafkaJars')
const AWAY = 'warn: Kafka is away: waiting for it'
const SESSION_TIMEOUT_MS = 3000
/** So that a worker is a member still when it wakes up. */
const LONG_SLEEP = { KAFKA_SESSION_TIMEOUT_MS: '15s', KAFKA_REQUEST_TIMEOUT_MS: '60s' }
/** Longer than the brokers keep a fetch waiting. */
const FETCH_MS = 500
const ANEW = 'warn: the topic was deleted and recreated: it is read from its beginning'
const BEYOND_END = /^error: the topic has no offset \d+ in partition \d, which was to be read next/

describe.skipIf(jars === '')('under the workers', () => {
  let broker: OwnBroker
  beforeAll(async () => {
    broker = await startBroker(jars)
  }, 60_000)
  afterAll(() => broker.stop())

  test('partitions are added under load: they are found, and read from their beginning', async () => {
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

  describe('the topic is deleted and made again:', () => {
    test('while no worker runs, the next one reads it from the beginning', async () => {
      const scene = await openOwn({ partitions: 2, workers: 1 })
      const [first] = scene.workers as [WorkerProcess]
      await scene.load.send(2000)
      await scene.oracle.drained()
      expect(await first.end('SIGTERM')).toBe(0)
      const earlier = await scene.oracle.readTopic()
      await makeAnew(scene)
      await scene.load.send(3000)
      const second = scene.startWorker()
      expectNoDifference(await scene.oracle.check({ earlier }))
      expect(earlier.records).toBe(5000)
      for (const worker of [first, second]) expect(complaintsOf(worker), story(worker)).toEqual([])
    }, 150_000)

    test('a worker that sees it gone says so, waits for it, and reads it from the beginning', async () => {
      const scene = await openOwn({ partitions: 2, workers: 1 })
      const [worker] = scene.workers as [WorkerProcess]
      await scene.load.send(2000)
      await scene.oracle.drained()
      const earlier = await scene.oracle.readTopic()
      await deleteTopic(scene)
      const { detail } = await worker.said('Kafka is away')
      expect(detail).toContain('UNKNOWN_TOPIC_OR_PARTITION')
      expect(await healthOf(worker)).toMatchObject({ healthz: 200, readyz: 503 })
      await scene.makeTopic(2)
      await scene.load.send(1000)
      await untilReady(worker)
      expectNoDifference(await scene.oracle.check({ earlier }))
      expect(earlier.records).toBe(3000)
      expectUnharmed(worker, [AWAY, ANEW])
      expect(worker.saying('Kafka is back'), story(worker)).toHaveLength(1)
    }, 150_000)

    test('with more records than before, while the worker is cut off, nothing is passed over', async () => {
      const scene = await openOwn({ partitions: 2, workers: 1 })
      const [worker] = scene.workers as [WorkerProcess]
      await scene.load.send(1000)
      await scene.oracle.drained()
      const earlier = await scene.oracle.readTopic()
      await cutOff(worker)
      await makeAnew(scene)
      await scene.load.send(4000)
      await broker.way.mend()
      expectNoDifference(await scene.oracle.check({ earlier }))
      expect(earlier.records).toBe(5000)
      expectUnharmed(worker, [AWAY, ANEW])
    }, 150_000)

    test('with more records than before, while the worker sleeps, nothing is passed over', async () => {
      const scene = await openOwn({ partitions: 2, workers: 1 }, LONG_SLEEP)
      const [worker] = scene.workers as [WorkerProcess]
      await scene.load.send(1000)
      await scene.oracle.drained()
      const earlier = await scene.oracle.readTopic()
      worker.child.kill('SIGSTOP')
      await sleep(FETCH_MS) // else its fetch is answered by that the topic is gone
      await makeAnew(scene)
      await scene.load.send(4000)
      worker.child.kill('SIGCONT')
      expectNoDifference(await scene.oracle.check({ earlier }))
      expect(earlier.records).toBe(5000)
      expectUnharmed(worker, [ANEW])
    }, 150_000)

    test('with more records than before, while one of two workers sleeps, nothing is passed over', async () => {
      const scene = await openOwn({ partitions: 2, workers: 2 }, LONG_SLEEP)
      const [sleeper] = scene.workers as [WorkerProcess]
      await until('they share the topic', () =>
        scene.workers.every((worker) => partitionsOf(worker)?.length === 1),
      )
      await scene.load.send(1000)
      await scene.oracle.drained()
      const earlier = await scene.oracle.readTopic()
      sleeper.child.kill('SIGSTOP')
      await sleep(FETCH_MS) // else its fetch is answered by that the topic is gone
      await makeAnew(scene)
      await scene.load.send(4000)
      await until('the other one joins anew', () => isRebalanced(scene))
      sleeper.child.kill('SIGCONT')
      expectNoDifference(await scene.oracle.check({ earlier }))
      expect(earlier.records).toBe(5000)
      for (const worker of scene.workers) {
        await worker.said('recreated') // the sleeper may come when the other has read it all
        expect(hasEnded(worker), story(worker)).toBe(false)
        expect(complaintsOf(worker).filter(besidesTheChange), story(worker)).toEqual([ANEW])
      }
    }, 150_000)

    test('with more records than before, while the worker waits for Redis with a batch in hand, nothing is passed over', async () => {
      const { way, url } = await openWayToRedis()
      const scene = await openOwn({ partitions: 2, workers: 1 }, { REDIS_URL: url })
      const [worker] = scene.workers as [WorkerProcess]
      await scene.load.send(1000)
      await scene.oracle.drained()
      await way.cut()
      await scene.load.send(1)
      await worker.said('Redis is away')
      const earlier = await scene.oracle.readTopic()
      await makeAnew(scene)
      await scene.load.send(4000)
      await sleep(2 * SESSION_TIMEOUT_MS)
      await way.mend()
      expectNoDifference(await scene.oracle.check({ earlier }))
      expect(earlier.records).toBe(5001)
      expect(hasEnded(worker), story(worker)).toBe(false)
      const complaints = complaintsOf(worker).filter(besidesTheChange)
      expect(complaints, story(worker)).toEqual(['warn: Redis is away: waiting for it', ANEW])
    }, 150_000)
  })

  describe('retention passes a lagging worker, which says what it lost and goes on:', () => {
    test('while it is stopped', async () => {
      const scene = await openOwn({ partitions: 2, workers: 1 })
      const [first] = scene.workers as [WorkerProcess]
      await scene.load.send(1000)
      await scene.oracle.drained()
      expect(await first.end('SIGTERM')).toBe(0)
      const earlier = await scene.oracle.readTopic()
      const lost = await loseRecords(scene)
      const second = scene.startWorker()
      expectNoDifference(await scene.oracle.check({ earlier }))
      expect(earlier.records).toBeLessThan(2500)
      expectUnharmed(second, await lossesTold(second, lost))
    }, 150_000)

    test('while it is cut off', async () => {
      const scene = await openOwn({ partitions: 2, workers: 1 })
      const [worker] = scene.workers as [WorkerProcess]
      await scene.load.send(1000)
      await scene.oracle.drained()
      const earlier = await scene.oracle.readTopic()
      await cutOff(worker)
      const lost = await loseRecords(scene)
      await broker.way.mend()
      expectNoDifference(await scene.oracle.check({ earlier }))
      expectUnharmed(worker, [AWAY, ...(await lossesTold(worker, lost))])
    }, 150_000)

    test('while it waits for Redis, with a batch in hand', async () => {
      const { way, url } = await openWayToRedis()
      const environment = { ...LONG_SLEEP, REDIS_URL: url }
      const scene = await openOwn({ partitions: 1, workers: 1 }, environment)
      const [worker] = scene.workers as [WorkerProcess]
      await scene.load.send(1000)
      await scene.oracle.drained()
      await way.cut()
      await scene.load.send(1)
      await worker.said('Redis is away')
      const earlier = await scene.oracle.readTopic()
      worker.child.kill('SIGSTOP') // else it reads on behind the batch
      await sleep(FETCH_MS)
      const lost = await loseRecords(scene)
      worker.child.kill('SIGCONT')
      await way.mend()
      expectNoDifference(await scene.oracle.check({ earlier }))
      const away = 'warn: Redis is away: waiting for it'
      expectUnharmed(worker, [away, ...(await lossesTold(worker, lost))])
    }, 150_000)
  })

  /** Until it knows, so that it comes back with another session. */
  async function cutOff(worker: WorkerProcess): Promise<void> {
    await broker.way.cut()
    onTestFinished(() => broker.way.mend())
    await worker.said('Kafka is away')
  }

  function openOwn(
    counts: { partitions: number; workers: number },
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Scene> {
    const own = {
      KAFKA_BROKERS: broker.brokers.join(','),
      KAFKA_SESSION_TIMEOUT_MS: `${SESSION_TIMEOUT_MS}ms`,
    }
    const kafkaBrokers = broker.directBrokers
    return openScene({ ...counts, kafkaBrokers, environment: { ...own, ...environment } })
  }
})

async function deleteTopic({ config, withAdmin }: Scene): Promise<void> {
  const { topic } = config.kafka
  await withAdmin(async (admin) => {
    await admin.deleteTopics({ topics: [topic] })
    await until('it is gone', async () => !(await admin.listTopics()).includes(topic))
  })
}

/** Who is awake may look while the topic is gone, or while the new one is shorter than the old. */
function besidesTheChange(complaint: string): boolean {
  return complaint !== AWAY && !BEYOND_END.test(complaint)
}

/** Whether the group waits for members to join again, or has gone on without one. */
async function isRebalanced({ config, withAdmin }: Scene): Promise<boolean> {
  return withAdmin(async (admin) => {
    const { groups } = await admin.describeGroups([config.kafka.groupId])
    return groups.some(({ state, members }) => state !== 'Stable' || members.length === 1)
  })
}

async function makeAnew(scene: Scene): Promise<void> {
  await deleteTopic(scene)
  await scene.makeTopic(2)
}

/**
 * Sends records, and has all but the last of them removed from the topic.
 *
 * @returns the offsets that are gone, as the log names them
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

/** What the worker complained of to say that these are lost: each once, by an error of its own. */
async function lossesTold(worker: WorkerProcess, lost: readonly string[]): Promise<string[]> {
  await until(
    `each loss is told; it said ${story(worker)}`,
    () => worker.saying('are not in the state').length >= lost.length,
  )
  const told = worker.saying('are not in the state').map(({ level, msg }) => `${level}: ${msg}`)
  for (const offsets of lost) {
    expect(
      told.filter((line) => line.startsWith('error: ') && line.includes(offsets)),
    ).toHaveLength(1)
  }
  return told
}

function expectUnharmed(worker: WorkerProcess, complaints: readonly string[]): void {
  expect(hasEnded(worker), story(worker)).toBe(false)
  expect(complaintsOf(worker), story(worker)).toEqual(complaints)
}
