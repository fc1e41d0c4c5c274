/** All kinds of faults, as data: what each affects, how it begins and ends, and how long it lasts. */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as redisFaults from '../setup/scene/redis-faults.ts'
import type { Scene } from '../setup/scene/scene.ts'
import type { Servers } from './servers.ts'
import type { PoolWorker, WorkerPool } from './worker-pool.ts'

/** What faults affect. */
export interface Targets extends Servers {
  readonly scene: Scene
  readonly pool: WorkerPool
}

export interface Fault {
  readonly kind: string
  /** Two faults at the same time have different targets. */
  readonly target: 'workers' | 'Kafka' | 'Kafka proxy' | 'Redis' | 'Redis proxy'
  /** The minimum and the maximum duration, in seconds. */
  readonly lasts: readonly [min: number, max: number]
  /** Begins the fault; resolves with the function that ends it. */
  readonly begin: (targets: Targets, random: () => number) => Promise<End>
}

type End = () => Promise<unknown>

const INSTANT = [0, 0] as const
const SHORT = [0.5, 5] as const
/** Often longer than the session timeout (6 s) and the request timeouts. */
const LONG = [2, 12] as const

const OF_WORKERS = [
  fault('a worker killed', 'workers', [0, 3], async ({ pool }, random) => {
    const worker = pick(pool, random)
    await worker.kill()
    return () => worker.start()
  }),
  fault('a worker stopped', 'workers', [0, 3], async ({ pool }, random) => {
    const worker = pick(pool, random)
    await worker.stop()
    return () => worker.start()
  }),
  fault('a worker frozen', 'workers', LONG, async ({ pool }, random) => {
    const { pid } = pick(pool, random)
    process.kill(pid, 'SIGSTOP')
    return async () => process.kill(pid, 'SIGCONT')
  }),
  fault('a worker added', 'workers', [3, 10], async ({ pool }) => {
    const worker = await pool.add()
    return () => pool.stop(worker)
  }),
]

const OF_KAFKA = [
  fault('Kafka restarted', 'Kafka', SHORT, async ({ kafka }) => {
    await kafka.end('SIGTERM')
    return () => kafka.startAgain()
  }),
  fault('Kafka killed', 'Kafka', SHORT, async ({ kafka }) => {
    await kafka.end('SIGKILL')
    return () => kafka.startAgain()
  }),
  fault('Kafka frozen', 'Kafka', LONG, async ({ kafka: { pid } }) => {
    process.kill(pid, 'SIGSTOP')
    return async () => process.kill(pid, 'SIGCONT')
  }),
  fault('partitions added', 'Kafka', INSTANT, async ({ scene }) => {
    const { topic } = scene.config.kafka
    await scene.withAdmin(async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      const count = (topics[0]?.partitions.length ?? 0) + 1
      await admin.createPartitions({ topicPartitions: [{ topic, count }] })
    })
    return async () => {}
  }),
]

const OF_KAFKA_PROXY = [
  fault('Kafka unreachable', 'Kafka proxy', LONG, async ({ kafka: { proxy } }) => {
    await proxy.cut()
    return () => proxy.restore()
  }),
  fault('connections to Kafka stalled', 'Kafka proxy', LONG, async ({ kafka: { proxy } }) => {
    proxy.freeze()
    return async () => proxy.thaw()
  }),
  fault(
    'connections to Kafka slow',
    'Kafka proxy',
    [3, 8],
    async ({ kafka: { proxy } }, random) => {
      proxy.delay(30 + Math.floor(random() * 170))
      return async () => proxy.delay(0)
    },
  ),
  fault('replies of Kafka cut short', 'Kafka proxy', [1, 6], async ({ kafka: { proxy } }) =>
    redisFaults.repeatedly((signal) => proxy.cutInReply(100, signal)),
  ),
]

const OF_REDIS = [
  ofRedis('Redis restarted', SHORT, redisFaults.restartRedis),
  ofRedis('Redis killed', SHORT, redisFaults.killRedis),
  ofRedis('Redis frozen', LONG, redisFaults.freezeRedis),
  ofRedis('Redis full', SHORT, redisFaults.fillMemory),
  ofRedis('Redis without replicas', SHORT, redisFaults.requireReplicas),
  ofRedis('Redis read-only', SHORT, redisFaults.makeReadOnly),
  ofRedis('scripts of Redis flushed', [1, 6], redisFaults.flushScriptsRepeatedly),
  ofRedis('clients of Redis disconnected', [1, 6], redisFaults.killClientsRepeatedly),
]

const OF_REDIS_PROXY = [
  ofRedisProxy('Redis unreachable', LONG, redisFaults.cutConnections),
  ofRedisProxy('connections to Redis stalled', LONG, redisFaults.freezeConnections),
  ofRedisProxy('connections to Redis slow', [3, 8], redisFaults.delayConnections(100)),
  ofRedisProxy('replies of Redis cut short', [1, 6], redisFaults.cutRepliesRepeatedly),
]

/** Redis loses acknowledged writes. Workers can notice that only from the checkpoints in Redis. */
const OF_REDIS_DATA = [
  fault('Redis flushed', 'Redis', INSTANT, async ({ redis }) => {
    await redisFaults.withClient(redis, (client) => client.flushall())
    return async () => {}
  }),
  fault('Redis restored from older data', 'Redis', [1, 8], async ({ redis }) => {
    const copy = await mkdtemp(join(tmpdir(), 'group-traits-older-'))
    await cp(redis.folder, copy, { recursive: true })
    return async () => {
      await redis.kill()
      await rm(redis.folder, { recursive: true })
      await cp(copy, redis.folder, { recursive: true })
      await redis.startAgain()
      await rm(copy, { recursive: true })
    }
  }),
]

export const FAULTS: readonly Fault[] = [
  ...OF_WORKERS,
  ...OF_KAFKA,
  ...OF_KAFKA_PROXY,
  ...OF_REDIS,
  ...OF_REDIS_PROXY,
  ...OF_REDIS_DATA,
]

function fault(
  kind: string,
  target: Fault['target'],
  lasts: Fault['lasts'],
  begin: Fault['begin'],
): Fault {
  return { kind, target, lasts, begin }
}

function ofRedis(kind: string, lasts: Fault['lasts'], redisFault: redisFaults.RedisFault): Fault {
  return fault(kind, 'Redis', lasts, ({ redis, redisProxy: proxy }) => redisFault({ redis, proxy }))
}

function ofRedisProxy(
  kind: string,
  lasts: Fault['lasts'],
  redisFault: redisFaults.RedisFault,
): Fault {
  return { ...ofRedis(kind, lasts, redisFault), target: 'Redis proxy' }
}

function pick({ workers }: WorkerPool, random: () => number): PoolWorker {
  const worker = workers[Math.floor(random() * workers.length)]
  if (worker === undefined) throw new Error('the pool has no workers')
  return worker
}
