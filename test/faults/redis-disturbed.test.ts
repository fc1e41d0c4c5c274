/** Redis is available, but something keeps going wrong: the workers make progress all the same. */
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { kafkajs } from '../../src/kafka/client/kafkajs.ts'
import type { Difference } from '../setup/scene/differences.ts'
import { positionOf } from '../setup/scene/expected-state.ts'
import {
  cutRepliesRepeatedly,
  delayConnections,
  flushScriptsRepeatedly,
  killClientsRepeatedly,
} from '../setup/scene/redis-faults.ts'
import { untilReady } from '../setup/scene/worker-status.ts'
import {
  countOutages,
  expectCorrectState,
  type RedisScene,
  startRedisScene,
} from './redis-scene.ts'

const RECORDS = 1500

describe.skipIf(inject('redisServer') === '')('under load, Redis', () => {
  test('loses its scripts repeatedly: workers send them again', { timeout: 120_000 }, async () => {
    const redis = await startRedisScene()
    const end = await flushScriptsRepeatedly(redis.site)
    await redis.sent(RECORDS)
    await end()
    await expectCorrectState(redis)
    const stats = await redis.scene.redis.info('errorstats')
    expect(Number(/errorstat_NOSCRIPT:count=(\d+)/.exec(stats)?.[1])).toBeGreaterThan(5)
    for (const worker of redis.scene.workers) expect(countOutages(redis, worker)).toBe(0)
  })

  test.for([
    { what: 'closes the connections of its clients', fault: killClientsRepeatedly },
    { what: 'ends its replies in the middle', fault: cutRepliesRepeatedly },
  ])('$what repeatedly: workers reconnect each time', { timeout: 120_000 }, async ({ fault }) => {
    const redis = await startRedisScene()
    const end = await fault(redis.site)
    await redis.sent(RECORDS)
    await end()
    for (const worker of redis.scene.workers) await untilReady(worker, 60_000)
    await expectCorrectState(redis)
    for (const worker of redis.scene.workers) {
      expect(countOutages(redis, worker)).toBeGreaterThan(0)
    }
  })

  test('is 100 ms away: each batch takes longer, and nothing else changes', {
    timeout: 120_000,
  }, async () => {
    const redis = await startRedisScene()
    const before = await mergeTimes(redis)
    const end = await delayConnections(100)(redis.site)
    await redis.sent(RECORDS)
    await redis.caughtUp()
    const during = await mergeTimes(redis)
    const seconds = (during.seconds - before.seconds) / (during.batches - before.batches)
    expect(seconds).toBeGreaterThan(0.2)
    expect(seconds).toBeGreaterThan(5 * (before.seconds / before.batches))
    for (const worker of redis.scene.workers) await untilReady(worker, 60_000)
    await end()
    await expectCorrectState(redis)
    for (const worker of redis.scene.workers) expect(countOutages(redis, worker)).toBe(0)
  })

  test("has another program's key in the place of a group: only that group's events become dead letters", {
    timeout: 120_000,
  }, async () => {
    const redis = await startRedisScene()
    const { scene } = redis
    const taken = `${scene.config.redis.groupPrefix}{taken}`
    await produce(redis, eventsOf('taken', 2024))
    await redis.caughtUp()
    expect(await scene.redis.hget(taken, 'plan')).toBe('2024')
    await scene.redis.set(taken, 'by another program')
    const positions = await produce(redis, eventsOf('taken', 2025))
    await redis.sent(RECORDS)
    await redis.caughtUp()
    await redis.stopLoad()

    const { differences } = await scene.oracle.check()
    const deadLetters = differences.filter(
      ({ kind }) => kind === 'dead letter of a record that was not rejected',
    )
    expect(new Set(deadLetters.map((letter) => 'position' in letter && letter.position))).toEqual(
      new Set(positions),
    )
    const others = differences.filter((difference) => !deadLetters.includes(difference))
    expect(others.filter((difference) => !isOfGroup('taken', difference))).toEqual([])
    expect(await scene.redis.get(taken)).toBe('by another program')
  })
})

/** The time that merges took so far and their number, summed over all workers. */
async function mergeTimes({ scene }: RedisScene): Promise<{ seconds: number; batches: number }> {
  const metrics = await Promise.all(scene.workers.map((worker) => worker.get('/metrics')))
  const total = (part: string) =>
    metrics
      .map(({ body }) => Number(new RegExp(`${part}{step="merge"} (\\S+)`).exec(body)?.[1]))
      .reduce((sum, value) => sum + value, 0)
  const name = 'group_traits_batch_step_seconds'
  return { seconds: total(`${name}_sum`), batches: total(`${name}_count`) }
}

function eventsOf(groupId: string, year: number): string[] {
  return Array.from({ length: 30 }, (_, i) =>
    JSON.stringify({
      group_id: groupId,
      user_id: `user ${i}`,
      traits: { plan: String(year) },
      timestamp: `${year}-01-${i + 1}T00:00:00Z`.replace(/-(\d)T/, '-0$1T'),
    }),
  )
}

/** Produces to the first two partitions; returns the positions of the records. */
async function produce({ scene }: RedisScene, values: readonly string[]): Promise<string[]> {
  const { brokers, topic } = scene.config.kafka
  const client = new kafkajs.Kafka({ brokers: [...brokers] })
  const { DefaultPartitioner: createPartitioner } = kafkajs.Partitioners
  const producer = client.producer({ createPartitioner })
  onTestFinished(() => producer.disconnect())
  await producer.connect()
  const messages = values.map((value, i) => ({ value, partition: i % 2 }))
  const written = await producer.send({ topic, messages })
  return written.flatMap(({ partition, baseOffset }) =>
    messages
      .filter((message) => message.partition === partition)
      .map((_, i) => positionOf(partition, String(BigInt(baseOffset ?? 0) + BigInt(i)))),
  )
}

/** Whether it is in the group's keys or in its entries of the user index. */
function isOfGroup(groupId: string, difference: Difference): boolean {
  return (
    difference.kind === 'state' &&
    (difference.key.includes(`{${groupId}}`) || difference.field === groupId)
  )
}
