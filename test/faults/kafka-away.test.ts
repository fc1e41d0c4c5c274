/** Kafka becomes unavailable under load and returns: workers wait for it, and nothing is lost. */
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { expectNoDifference } from '../setup/scene/oracle.ts'
import { openScene } from '../setup/scene/test-scene.ts'
import {
  hasEnded,
  healthOf,
  logOf,
  untilReady,
  untilWorking,
  warningsOf,
} from '../setup/scene/worker-status.ts'
import { type OwnBroker, startBroker } from '../setup/servers/own-broker.ts'
import { until } from '../setup/waiting.ts'

const jars = inject('kafkaJars')

/** Begins the fault; resolves with a function that ends it and may be called twice. */
type BrokerFault = (broker: OwnBroker) => Promise<() => Promise<void>>

const restartBroker: BrokerFault = async (broker) => {
  await broker.end('SIGTERM')
  return () => broker.startAgain()
}
const killBroker: BrokerFault = async (broker) => {
  await broker.end('SIGKILL')
  return () => broker.startAgain()
}
const freezeBroker: BrokerFault = async ({ pid }) => {
  process.kill(pid, 'SIGSTOP')
  return async () => {
    process.kill(pid, 'SIGCONT')
  }
}
const cutConnections: BrokerFault = async ({ proxy }) => {
  await proxy.cut()
  return () => proxy.restore()
}
const freezeConnections: BrokerFault = async ({ proxy }) => {
  proxy.freeze()
  return async () => proxy.thaw()
}

const FAULTS: readonly { what: string; fault: BrokerFault }[] = [
  { what: 'is restarted', fault: restartBroker },
  { what: 'is killed', fault: killBroker },
  { what: 'is frozen', fault: freezeBroker },
  { what: 'cannot be reached', fault: cutConnections },
  { what: 'answers nothing', fault: freezeConnections },
]

describe.skipIf(jars === '')('under load', () => {
  let broker: OwnBroker
  beforeAll(async () => {
    broker = await startBroker(jars)
  }, 60_000)
  afterAll(() => broker.stop())

  test.for(FAULTS)(
    'Kafka $what: workers warn once, wait, and continue by themselves with nothing lost',
    { timeout: 150_000 },
    async ({ fault }) => {
      const scene = await openScene({
        kafkaBrokers: broker.directBrokers,
        partitions: 4,
        workers: 2,
        environment: { KAFKA_BROKERS: broker.brokers.join(','), KAFKA_SESSION_TIMEOUT_MS: '2s' },
      })
      const { workers } = scene
      const load = scene.load.run(1000)
      await Promise.all(workers.map(untilWorking))

      const end = await fault(broker)
      onTestFinished(end)
      for (const worker of workers) {
        await worker.said('Kafka is away', 40_000)
        await until('/readyz shows it', async () => (await healthOf(worker)).readyz === 503)
        const { healthz, notReady } = await healthOf(worker)
        expect(healthz).toBe(200)
        expect(notReady).toContain('kafka')
        expect(notReady).not.toContain('redis')
      }
      await end()
      for (const worker of workers) {
        await untilReady(worker)
        await worker.said('Kafka is back')
      }
      await load.stop()
      expectNoDifference(await scene.oracle.check())
      for (const worker of workers) {
        expect(hasEnded(worker), logOf(worker)).toBe(false)
        expect(warningsOf(worker), logOf(worker)).toEqual(['warn: Kafka is away: waiting for it'])
        expect(worker.saying('Kafka is back'), logOf(worker)).toHaveLength(1)
      }
    },
  )
})
