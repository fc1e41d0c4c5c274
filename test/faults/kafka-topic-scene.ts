import { afterAll, beforeAll, expect, inject, onTestFinished } from 'vitest'
import type { Scene } from '../setup/scene/scene.ts'
import { openScene } from '../setup/scene/test-scene.ts'
import { hasEnded, logOf, warningsOf } from '../setup/scene/worker-status.ts'
import { type OwnBroker, startBroker } from '../setup/servers/own-broker.ts'
import { until } from '../setup/waiting.ts'
import type { WorkerProcess } from '../setup/worker/worker-process.ts'

export const AWAY = 'warn: Kafka is away: waiting for it'
export const SESSION_TIMEOUT_MS = 3000
/** So that a worker is a member still when it wakes up. */
export const LONG_SLEEP = { KAFKA_SESSION_TIMEOUT_MS: '15s', KAFKA_REQUEST_TIMEOUT_MS: '60s' }
/** Longer than the brokers keep a fetch waiting. */
export const FETCH_MS = 500
export const ANEW = 'warn: the topic was deleted and made anew: it is read from its beginning'
export const BEYOND_END =
  /^error: offset \d+ of partition \d, where reading stood, is not in the topic/

/** Starts a broker for the tests of a describe. */
export function useOwnBroker() {
  let broker: OwnBroker
  beforeAll(async () => {
    broker = await startBroker(inject('kafkaJars'))
  }, 60_000)
  afterAll(() => broker?.stop())
  return {
    broker: () => broker,
    /** Until it knows, so that it comes back with another session. */
    async cutOff(worker: WorkerProcess): Promise<void> {
      await broker.proxy.cut()
      onTestFinished(() => broker.proxy.restore())
      await worker.said('Kafka is away')
    },
    openOwn(
      counts: { partitions: number; workers: number },
      environment: Readonly<Record<string, string>> = {},
    ): Promise<Scene> {
      const own = {
        KAFKA_BROKERS: broker.brokers.join(','),
        KAFKA_SESSION_TIMEOUT_MS: `${SESSION_TIMEOUT_MS}ms`,
      }
      const kafkaBrokers = broker.directBrokers
      return openScene({ ...counts, kafkaBrokers, environment: { ...own, ...environment } })
    },
  }
}

export async function deleteTopic({ config, withAdmin }: Scene): Promise<void> {
  const { topic } = config.kafka
  await withAdmin(async (admin) => {
    await admin.deleteTopics({ topics: [topic] })
    await until('it is gone', async () => !(await admin.listTopics()).includes(topic))
  })
}

/** Who is awake may look while the topic is gone, or while the new one is shorter than the old. */
export function besidesTheChange(complaint: string): boolean {
  return complaint !== AWAY && !BEYOND_END.test(complaint)
}

export async function makeAnew(scene: Scene): Promise<void> {
  await deleteTopic(scene)
  await scene.makeTopic(2)
}

export function expectUnharmed(worker: WorkerProcess, complaints: readonly string[]): void {
  expect(hasEnded(worker), logOf(worker)).toBe(false)
  expect(warningsOf(worker), logOf(worker)).toEqual(complaints)
}
