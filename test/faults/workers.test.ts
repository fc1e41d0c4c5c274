/** Workers are killed, stopped, frozen and rebalanced under load, and nothing is lost. */
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { expectNoDifference } from '../setup/scene/oracle.ts'
import type { Scene } from '../setup/scene/scene.ts'
import { openRedisProxy, openScene } from '../setup/scene/test-scene.ts'
import {
  hasEnded,
  healthOf,
  logOf,
  partitionsOf,
  untilReady,
  untilStuck,
  untilWorking,
  warningsOf,
} from '../setup/scene/worker-status.ts'
import { type OwnBroker, startBroker } from '../setup/servers/own-broker.ts'
import { until } from '../setup/waiting.ts'
import type { WorkerProcess } from '../setup/worker/worker-process.ts'

const jars = inject('kafkaJars')
const PARTITIONS = 4
const RECORDS_PER_SECOND = 1500
const FREEZES = 3
const SESSION = { KAFKA_SESSION_TIMEOUT_MS: '2s' }

describe.skipIf(jars === '')('under load', () => {
  let broker: OwnBroker
  beforeAll(async () => {
    broker = await startBroker(jars)
  }, 60_000)
  afterAll(() => broker.stop())

  test('eight workers killed in the middle of their work lose nothing', async () => {
    const scene = await openOwn(2)
    const load = scene.load.run(RECORDS_PER_SECOND)
    for (let kill = 0; kill < 8; kill++) {
      const victim = scene.workers.at(-2)!
      await untilWorking(victim)
      expect(await victim.end('SIGKILL')).toBeNull()
      scene.startWorker()
    }
    await load.stop()
    expectNoDifference(await scene.oracle.check())
    for (const worker of scene.workers) expect(warningsOf(worker), logOf(worker)).toEqual([])
    expect(scene.workers.map(hasEnded)).toEqual([...Array(8).fill(true), false, false])
    await expectHealthy(scene.workers.slice(-2))
  }, 150_000)

  test('two workers continue while a third joins and leaves five times', async () => {
    const scene = await openOwn(2)
    const load = scene.load.run(RECORDS_PER_SECOND)
    const residents = [...scene.workers]
    await Promise.all(residents.map(untilWorking))
    for (let visit = 0; visit < 5; visit++) {
      const visitor = scene.startWorker()
      await visitor.said('joined', 60_000)
      expect(await visitor.end('SIGTERM'), logOf(visitor)).toBe(0)
    }
    await load.stop()
    expectNoDifference(await scene.oracle.check())
    for (const worker of scene.workers) expect(warningsOf(worker), logOf(worker)).toEqual([])
    for (const worker of residents) {
      expect(worker.saying('joined').length).toBeGreaterThanOrEqual(10)
    }
    await expectHealthy(residents)
  }, 150_000)

  test('workers that are stopped in the middle of their work lose nothing', async () => {
    const scene = await openOwn(1)
    const load = scene.load.run(RECORDS_PER_SECOND)
    for (let stop = 0; stop < 6; stop++) {
      const worker = scene.workers.at(-1)!
      await untilWorking(worker)
      expect(await worker.end('SIGTERM'), logOf(worker)).toBe(0)
      expect(worker.saying('the worker has stopped')).toHaveLength(1)
      scene.startWorker()
    }
    await load.stop()
    expectNoDifference(await scene.oracle.check())
    for (const worker of scene.workers) expect(warningsOf(worker), logOf(worker)).toEqual([])
    await expectHealthy(scene.workers.slice(-1))
  }, 150_000)

  test('the late writes of a worker frozen beyond its session do no harm, and it joins again', async () => {
    const scene = await openOwn(1)
    const [other] = scene.workers as [WorkerProcess]
    const { proxy, url } = await openRedisProxy()
    const frozen = scene.startWorker({ REDIS_URL: url })
    const load = scene.load.run(RECORDS_PER_SECOND)
    for (let freeze = 0; freeze < FREEZES; freeze++) {
      await Promise.all([untilWorking(frozen), untilWorking(other)])
      const joins = frozen.saying('joined').length
      // what it has sent to Redis so far arrives after the other has taken over
      proxy.freeze()
      await untilStuck(frozen)
      frozen.child.kill('SIGSTOP')
      await until('the other takes over', () => partitionsOf(other)?.length === PARTITIONS)
      await untilWorking(other)
      await expectHealthy([other])
      proxy.thaw()
      frozen.child.kill('SIGCONT')
      await until(
        `it joins again; its log: ${logOf(frozen)}`,
        () => frozen.saying('joined').length > joins && partitionsOf(frozen)?.length === 2,
      )
    }
    await load.stop()
    expectNoDifference(await scene.oracle.check())
    expect(warningsOf(other), logOf(other)).toEqual([])
    // a server that had not answered when it was frozen counts as away
    const outages = frozen.saying('is away')
    expect(warningsOf(frozen), logOf(frozen)).toHaveLength(outages.length)
    expect(frozen.saying('is back'), logOf(frozen)).toHaveLength(outages.length)
    expect(outages.length).toBeLessThanOrEqual(2 * FREEZES)
    await expectHealthy(scene.workers)
  }, 150_000)

  async function openOwn(workers: number): Promise<Scene> {
    const kafkaBrokers = broker.brokers
    return openScene({ kafkaBrokers, partitions: PARTITIONS, workers, environment: SESSION })
  }
})

async function expectHealthy(workers: readonly WorkerProcess[]): Promise<void> {
  for (const worker of workers) {
    await untilReady(worker)
    expect(await healthOf(worker)).toEqual({ healthz: 200, readyz: 200, notReady: [] })
    expect(hasEnded(worker), logOf(worker)).toBe(false)
  }
}
