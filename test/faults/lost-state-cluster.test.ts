/** One master of a Redis Cluster loses acknowledged writes, the others do not. */
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { readOffsets } from '../../src/kafka/topics/offsets.ts'
import { silentLog } from '../setup/logs.ts'
import { compareContents, type Difference } from '../setup/scene/differences.ts'
import { type Contents, expectedContents, readContents } from '../setup/scene/redis-contents.ts'
import type { Scene } from '../setup/scene/scene.ts'
import { openScene } from '../setup/scene/test-scene.ts'
import { type OwnRedis, startOwnRedis } from '../setup/servers/own-redis.ts'
import { type OwnCluster, startOwnCluster } from '../setup/servers/own-redis-cluster.ts'
import { until } from '../setup/waiting.ts'
import type { WorkerProcess } from '../setup/worker/worker-process.ts'
import {
  expectNoLoss,
  expectOneLossReport,
  lossReports,
  produceGroups,
  recordsRead,
  sendAndDrain,
} from './lost-state-scene.ts'

const binary = inject('redisServer')
const RECORDS = 1000

describe.skipIf(binary === '')('in a Redis Cluster', () => {
  let cluster: OwnCluster
  let clients: Redis[]
  beforeAll(async () => {
    cluster = await startOwnCluster(binary)
    clients = cluster.nodes.map(({ port }) => clientOf(port))
  })
  afterAll(async () => {
    for (const client of clients ?? []) client.disconnect()
    await cluster?.stop()
  })

  test('one master is flushed under load: workers notice it and replay the topic', async () => {
    const scene = await openOnCluster(2)
    const [worker] = scene.workers as [WorkerProcess]
    await sendAndDrain(scene, RECORDS)
    const load = scene.load.run(300)
    await clients[1]?.flushall()
    const reported = await expectOneLossReport(worker)
    await load.stop()
    await expectRecovered(scene)
    expect(reported.map(({ partition, redisHas }) => [partition, redisHas])).toEqual([
      [0, 'nothing'],
      [1, 'nothing'],
    ])
    await expectOneLossReport(worker)
  }, 120_000)

  test('one master restarts empty or with older data: workers notice it even without new events', async () => {
    const scene = await openOnCluster(1)
    const [worker] = scene.workers as [WorkerProcess]
    await sendAndDrain(scene, RECORDS)
    const node = cluster.nodes[2]!
    const copy = join(node.folder, 'copy')
    for (const name of DATA) await copyIfThere(join(node.folder, name), join(copy, name))
    await sendAndDrain(scene, RECORDS / 2)

    await restart(node, () => cp(copy, node.folder, { recursive: true }))
    await until('it is reported', () => lossReports(worker).length === 1)
    await expectRecovered(scene)
    await expect.poll(() => recordsRead(worker), { timeout: 10_000 }).toBe(2 * RECORDS)

    await restart(node, async () => {})
    await until('it is reported', () => lossReports(worker).length === 2)
    await expectRecovered(scene)
    await expect.poll(() => recordsRead(worker), { timeout: 10_000 }).toBe(3.5 * RECORDS)
    expect(lossReports(worker).map(({ redisHas }) => redisHas)).toEqual([
      String(RECORDS),
      'nothing',
    ])
  }, 120_000)

  test('a lagging replica takes over in the middle of a batch: the batch is merged again', async () => {
    const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000']
    const replica = await startOwnRedis(binary, { args })
    onTestFinished(() => replica.stop())
    const heir = clientOf(replica.port)
    onTestFinished(() => heir.disconnect())
    const [master] = clients as [Redis]
    await heir.cluster('MEET', '127.0.0.1', cluster.nodes[0]?.port ?? 0)
    const id = String(await master.cluster('MYID'))
    await until('it is a replica', async () => await heir.cluster('REPLICATE', id))
    const scene = await openOnCluster(1, {
      KAFKA_MAX_PARTITION_FETCH_BYTES: '4MiB',
      KAFKA_MAX_FETCH_BYTES: '8MiB',
    })
    await sendAndDrain(scene, RECORDS)
    await until('it is replicated', () => master.wait(1, 100))
    // from now on the master rejects the replica, which gets no more writes
    await heir.config('SET', 'masteruser', 'nobody')
    await heir.config('SET', 'masterauth', 'wrong')
    await master.call('CLIENT', 'KILL', 'TYPE', 'replica')
    const before = await master.dbsize()
    await produceGroups(scene, 6000)
    await until('the batch is begun', async () => (await master.dbsize()) > before + 100)
    await heir.cluster('FAILOVER', 'TAKEOVER')
    clients[0] = heir
    await expectRecovered(scene)
    // the replica's checkpoint was never behind, so there is nothing to replay
    await expectNoLoss(scene.workers)
  }, 120_000)

  async function openOnCluster(
    partitions: number,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Scene> {
    const scene = await openScene({
      partitions,
      environment: { ...environment, REDIS_URL: cluster.url },
    })
    const worker = scene.startWorker()
    await worker.said('joined')
    return scene
  }

  /** The oracle's check, over all masters. */
  async function expectRecovered(scene: Scene): Promise<void> {
    const offsets = await readOffsets(scene.config.kafka, silentLog)
    await until(
      'the checkpoints are at the ends',
      async () => {
        const checkpoints = await checkpointsOf(scene)
        return offsets.every(({ partition, end }) =>
          checkpoints.every((hash) => hash[partition] === String(end)),
        )
      },
      40_000,
    )
    await scene.oracle.untilDrained()
    const { states } = await scene.oracle.readTopic()
    const found = await Promise.all(clients.map((each) => readContents(each, scene.config.redis)))
    const contents: Contents = new Map(found.flatMap((part) => [...part]))
    const differences = compareContents(
      expectedContents(states.values(), scene.config.redis),
      contents,
    )
    expect(differences.filter((difference) => !isStray(difference))).toEqual([])
  }

  async function checkpointsOf({ config: { kafka } }: Scene): Promise<Record<string, string>[]> {
    const keys = `group-traits:applied:{${kafka.topic}*}:${kafka.groupId}`
    return Promise.all(
      clients.map(async (client) => {
        const [key] = await client.keys(keys)
        return key === undefined ? {} : await client.hgetall(key)
      }),
    )
  }

  /** Restarts a node without its data; `place` may put other data there. */
  async function restart(node: OwnRedis, place: () => Promise<void>): Promise<void> {
    await node.kill()
    for (const name of DATA) await rm(join(node.folder, name), { recursive: true, force: true })
    await place()
    await node.startAgain()
    await Promise.all(
      clients.map((client) =>
        until('the cluster is up', async () =>
          /cluster_state:ok/.test(String(await client.cluster('INFO'))),
        ),
      ),
    )
  }
})

/**
 * A stale entry of the user index, which only `rebuild` repairs: the user's master is older than
 * an erasure, and the group, on another master, no longer knows whom it erased.
 */
function isStray(difference: Difference): boolean {
  return (
    difference.kind === 'state' &&
    /:user:.*:(groups|left)$/.test(difference.key) &&
    difference.expected === undefined
  )
}

/** Files and folders with a server's data, before and since Redis 7. */
const DATA = ['appendonly.aof', 'appendonlydir', 'dump.rdb']

async function copyIfThere(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true }).catch((error) => {
    if (error.code !== 'ENOENT') throw error
  })
}

function clientOf(port: number): Redis {
  const client = new Redis(port, { retryStrategy: () => 100 })
  client.on('error', () => {}) // its server is killed on purpose; a failed command still throws
  return client
}
