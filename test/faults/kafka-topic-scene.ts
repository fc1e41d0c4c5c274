/** Workers on a broker of their own, whose topic a test changes. */
import { afterAll, beforeAll, expect, inject, onTestFinished } from 'vitest'
import type { Scene } from '../setup/scene/scene.ts'
import { openScene } from '../setup/scene/test-scene.ts'
import { hasEnded, logOf, warningsOf } from '../setup/scene/worker-status.ts'
import { type OwnBroker, startBroker } from '../setup/servers/own-broker.ts'
import { until } from '../setup/waiting.ts'
import type { WorkerProcess } from '../setup/worker/worker-process.ts'

export const AWAY = 'warn: Kafka is away: waiting for it'
export const SESSION_TIMEOUT_MS = 3000
/** Lets a suspended worker keep its membership until it continues. */
export const LONG_TIMEOUTS = { KAFKA_SESSION_TIMEOUT_MS: '15s', KAFKA_REQUEST_TIMEOUT_MS: '60s' }
/** Longer than the broker holds a fetch request. */
export const FETCH_MS = 500
export const RECREATED = 'warn: the topic was deleted and recreated: it is read from its beginning'
export const BEYOND_END =
  /^error: the topic has no offset \d+ in partition \d, which was to be read next/

/** Starts a broker for the tests of one describe. */
export function useOwnBroker() {
  let broker: OwnBroker
  beforeAll(async () => {
    broker = await startBroker(inject('kafkaJars'))
  }, 60_000)
  afterAll(() => broker?.stop())
  return {
    broker: () => broker,
    /** Cuts the worker off from Kafka until it notices, so that it returns with a new session. */
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

/** A running worker may also warn that the topic is missing, or that the new one is too short. */
export function isUnexpected(warning: string): boolean {
  return warning !== AWAY && !BEYOND_END.test(warning)
}

export async function recreateTopic(scene: Scene): Promise<void> {
  await deleteTopic(scene)
  await scene.makeTopic(2)
}

export function expectUnharmed(worker: WorkerProcess, warnings: readonly string[]): void {
  expect(hasEnded(worker), logOf(worker)).toBe(false)
  expect(warningsOf(worker), logOf(worker)).toEqual(warnings)
}
