/** A lagging replica takes over from its master, and the writes that it lacks are lost. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { openScene } from '../setup/scene/test-scene.ts'
import { type OwnRedis, type OwnRedisOptions, startOwnRedis } from '../setup/servers/own-redis.ts'
import { startProxy } from '../setup/servers/proxy.ts'
import { until } from '../setup/waiting.ts'
import type { WorkerProcess } from '../setup/worker/worker-process.ts'
import {
  checkpointsOf,
  expectNoLoss,
  expectOneLossReport,
  expectRecovered,
  produceGroups,
  sendAndDrain,
  untilShared,
} from './lost-state-scene.ts'
import { openSwitch } from './lost-state-switch.ts'

const RECORDS = 1000

describe.skipIf(inject('redisServer') === '')('a Redis that comes back older', () => {
  test('by a switch to a replica that lagged, under load', async () => {
    const { master, replica, address } = await startPair()
    const scene = await openScene({ redisUrl: address.url, partitions: 2, workers: 2 })
    await untilShared(scene.workers, 1)
    await sendAndDrain(scene, RECORDS)
    const load = scene.load.run(500)
    await replica.client.replicaof('NO', 'ONE')
    const enough = scene.load.acknowledged.size + 500
    await until('the load goes on', () => scene.load.acknowledged.size > enough)
    address.switchTo(replica.port)
    for (const worker of scene.workers) await worker.said('Redis lost')
    await load.stop()
    await expectRecovered(scene)
    for (const worker of scene.workers) {
      for (const { redisHas } of await expectOneLossReport(worker))
        expect(redisHas).toMatch(/^\d+$/)
    }
    expect(await master.client.dbsize()).toBeGreaterThan(0)
  }, 120_000)

  test('by a switch to a replica in the middle of a batch: what the old master merged is merged again', async () => {
    const { master, replica, address } = await startPair()
    const proxy = await startProxy(address.port)
    onTestFinished(() => proxy.close())
    const scene = await openScene({
      redisUrl: address.url,
      partitions: 1,
      workers: 1,
      environment: {
        REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
        KAFKA_MAX_PARTITION_FETCH_BYTES: '4MiB',
        KAFKA_MAX_FETCH_BYTES: '8MiB',
      },
    })
    await sendAndDrain(scene, RECORDS)
    const before = await master.client.dbsize()
    await until(
      'the replica has everything',
      async () => (await replica.client.dbsize()) === before,
    )
    await replica.client.replicaof('NO', 'ONE')
    proxy.delay(40)
    await produceGroups(scene, 4000)
    const begun = await until('the batch is begun', async () => {
      const size = await master.client.dbsize()
      return size > before && size - before
    })
    address.switchTo(replica.port)
    proxy.delay(0)
    const taken = (await master.client.keys(`${scene.config.redis.groupPrefix}{big*}`)).length
    expect(begun).toBeGreaterThan(0)
    expect(taken).toBeGreaterThan(0)
    expect(taken).toBeLessThan(4000)
    await expectRecovered(scene)
    // the replica's checkpoint was never behind, so there is nothing to replay
    await expectNoLoss(scene.workers)
  }, 120_000)

  test("by the Sentinels' failover to a replica that lagged", async () => {
    const master = await startServer()
    const replica = await startServer({ args: ['--replicaof', '127.0.0.1', `${master.port}`] })
    const sentinel = await startServer({
      configFile: (folder) => writeSentinelConfig(folder, master.port),
      args: ['--sentinel'],
      readyLine: 'Sentinel ID is',
    })
    await until('the sentinel knows the replica', async () => {
      const replicas = (await sentinel.client.call('SENTINEL', 'REPLICAS', 'main')) as unknown[]
      return replicas.length === 1
    })
    const scene = await openScene({
      redisUrl: `redis://127.0.0.1:${replica.port}`,
      partitions: 2,
      workers: 1,
      environment: { REDIS_URL: `redis+sentinel://127.0.0.1:${sentinel.port}/main` },
    })
    const [worker] = scene.workers as [WorkerProcess]
    await sendAndDrain(scene, RECORDS)
    await until('it is replicated', () => master.client.wait(1, 100))
    // from now on the master rejects the replica, which gets no more writes
    await replica.client.config('SET', 'masteruser', 'nobody')
    await replica.client.config('SET', 'masterauth', 'wrong')
    await master.client.call('CLIENT', 'KILL', 'TYPE', 'replica')
    const kept = await checkpointsOf(scene)
    await sendAndDrain(scene, RECORDS / 2)
    const load = scene.load.run(200)
    await master.kill()
    const reported = await expectOneLossReport(worker, 30_000)
    await load.stop()
    await expectRecovered(scene)
    expect(Object.fromEntries(reported.map((loss) => [loss.partition, loss.redisHas]))).toEqual(
      kept,
    )
    expect(await replica.client.role()).toContain('master')
    await expectOneLossReport(worker)
  }, 120_000)
})

interface Server extends OwnRedis {
  readonly client: Redis
}

async function startServer(options?: OwnRedisOptions): Promise<Server> {
  const server = await startOwnRedis(inject('redisServer'), options)
  onTestFinished(() => server.stop())
  const client = new Redis(server.port)
  client.on('error', () => {}) // it is killed on purpose; a failed command still throws
  onTestFinished(() => client.disconnect())
  return Object.assign(server, { client })
}

/** Starts a master, its replica, and an address that leads to the master at first. */
async function startPair() {
  const master = await startServer()
  const replica = await startServer({ args: ['--replicaof', '127.0.0.1', `${master.port}`] })
  await until('the replica follows', () => master.client.wait(1, 100))
  const { port, switchTo } = await openSwitch(master.port)
  return { master, replica, address: { port, switchTo, url: `redis://127.0.0.1:${port}` } }
}

async function writeSentinelConfig(folder: string, masterPort: number): Promise<string> {
  const file = join(folder, 'sentinel.conf')
  const rules = [
    `sentinel monitor main 127.0.0.1 ${masterPort} 1`,
    'sentinel down-after-milliseconds main 1000',
    'sentinel failover-timeout main 2000',
  ]
  await writeFile(file, `${rules.join('\n')}\n`)
  return file
}
