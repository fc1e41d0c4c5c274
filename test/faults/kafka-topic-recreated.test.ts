/** The topic is deleted and created again under the workers. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, inject, test } from 'vitest'
import { expectNoDifference } from '../setup/scene/oracle.ts'
import type { Scene } from '../setup/scene/scene.ts'
import { openRedisProxy } from '../setup/scene/test-scene.ts'
import {
  hasEnded,
  healthOf,
  logOf,
  partitionsOf,
  untilReady,
  warningsOf,
} from '../setup/scene/worker-status.ts'
import { until } from '../setup/waiting.ts'
import type { WorkerProcess } from '../setup/worker/worker-process.ts'
import {
  AWAY,
  deleteTopic,
  expectUnharmed,
  FETCH_MS,
  isUnexpected,
  LONG_TIMEOUTS,
  RECREATED,
  recreateTopic,
  SESSION_TIMEOUT_MS,
  useOwnBroker,
} from './kafka-topic-scene.ts'

const jars = inject('kafkaJars')

describe.skipIf(jars === '')('the topic is deleted and recreated:', () => {
  const { broker, openOwn, cutOff } = useOwnBroker()

  test('while no worker runs, the next one reads it from the beginning', async () => {
    const scene = await openOwn({ partitions: 2, workers: 1 })
    const [first] = scene.workers as [WorkerProcess]
    await scene.load.send(2000)
    await scene.oracle.untilDrained()
    expect(await first.end('SIGTERM')).toBe(0)
    const earlier = await scene.oracle.readTopic()
    await recreateTopic(scene)
    await scene.load.send(3000)
    const second = scene.startWorker()
    expectNoDifference(await scene.oracle.check({ earlier }))
    expect(earlier.records).toBe(5000)
    for (const worker of [first, second]) expect(warningsOf(worker), logOf(worker)).toEqual([])
  }, 150_000)

  test('a worker that finds it missing warns, waits for it, and reads it from the beginning', async () => {
    const scene = await openOwn({ partitions: 2, workers: 1 })
    const [worker] = scene.workers as [WorkerProcess]
    await scene.load.send(2000)
    await scene.oracle.untilDrained()
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
    expectUnharmed(worker, [AWAY, RECREATED])
    expect(worker.saying('Kafka is back'), logOf(worker)).toHaveLength(1)
  }, 150_000)

  test('with more records than before, while the worker is cut off: no record is skipped', async () => {
    const scene = await openOwn({ partitions: 2, workers: 1 })
    const [worker] = scene.workers as [WorkerProcess]
    await scene.load.send(1000)
    await scene.oracle.untilDrained()
    const earlier = await scene.oracle.readTopic()
    await cutOff(worker)
    await recreateTopic(scene)
    await scene.load.send(4000)
    await broker().proxy.restore()
    expectNoDifference(await scene.oracle.check({ earlier }))
    expect(earlier.records).toBe(5000)
    expectUnharmed(worker, [AWAY, RECREATED])
  }, 150_000)

  test('with more records than before, while the worker is suspended: no record is skipped', async () => {
    const scene = await openOwn({ partitions: 2, workers: 1 }, LONG_TIMEOUTS)
    const [worker] = scene.workers as [WorkerProcess]
    await scene.load.send(1000)
    await scene.oracle.untilDrained()
    const earlier = await scene.oracle.readTopic()
    worker.child.kill('SIGSTOP')
    await sleep(FETCH_MS) // otherwise its pending fetch tells it that the topic is missing
    await recreateTopic(scene)
    await scene.load.send(4000)
    worker.child.kill('SIGCONT')
    expectNoDifference(await scene.oracle.check({ earlier }))
    expect(earlier.records).toBe(5000)
    expectUnharmed(worker, [RECREATED])
  }, 150_000)

  test('with more records than before, while one of two workers is suspended: no record is skipped', async () => {
    const scene = await openOwn({ partitions: 2, workers: 2 }, LONG_TIMEOUTS)
    const [suspended] = scene.workers as [WorkerProcess]
    await until('they share the topic', () =>
      scene.workers.every((worker) => partitionsOf(worker)?.length === 1),
    )
    await scene.load.send(1000)
    await scene.oracle.untilDrained()
    const earlier = await scene.oracle.readTopic()
    suspended.child.kill('SIGSTOP')
    await sleep(FETCH_MS) // otherwise its pending fetch tells it that the topic is missing
    await recreateTopic(scene)
    await scene.load.send(4000)
    await until('the other one joins again', () => isRebalanced(scene))
    suspended.child.kill('SIGCONT')
    expectNoDifference(await scene.oracle.check({ earlier }))
    expect(earlier.records).toBe(5000)
    for (const worker of scene.workers) {
      await worker.said('was deleted and recreated') // the suspended worker may return after the other has read everything
      expect(hasEnded(worker), logOf(worker)).toBe(false)
      expect(warningsOf(worker).filter(isUnexpected), logOf(worker)).toEqual([RECREATED])
    }
  }, 150_000)

  test('with more records than before, while the worker waits for Redis with a batch in flight: no record is skipped', async () => {
    const { proxy, url } = await openRedisProxy()
    const scene = await openOwn({ partitions: 2, workers: 1 }, { REDIS_URL: url })
    const [worker] = scene.workers as [WorkerProcess]
    await scene.load.send(1000)
    await scene.oracle.untilDrained()
    await proxy.cut()
    await scene.load.send(1)
    await worker.said('Redis is away')
    const earlier = await scene.oracle.readTopic()
    await recreateTopic(scene)
    await scene.load.send(4000)
    await sleep(2 * SESSION_TIMEOUT_MS)
    await proxy.restore()
    expectNoDifference(await scene.oracle.check({ earlier }))
    expect(earlier.records).toBe(5001)
    expect(hasEnded(worker), logOf(worker)).toBe(false)
    const warnings = warningsOf(worker).filter(isUnexpected)
    expect(warnings, logOf(worker)).toEqual(['warn: Redis is away: waiting for it', RECREATED])
  }, 150_000)
})

/** Whether the group is rebalancing, or has continued without one member. */
async function isRebalanced({ config, withAdmin }: Scene): Promise<boolean> {
  return withAdmin(async (admin) => {
    const { groups } = await admin.describeGroups([config.kafka.groupId])
    return groups.some(({ state, members }) => state !== 'Stable' || members.length === 1)
  })
}
