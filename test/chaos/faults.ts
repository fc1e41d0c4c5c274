/** Every kind of fault, as data: what it happens to, how it begins and ends, how long it lasts. */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as redisFaults from '../setup/scene/redis-faults.ts'
import type { Scene } from '../setup/scene/scene.ts'
import type { Crew, Member } from './crew.ts'
import type { Servers } from './servers.ts'

/** What faults happen to. */
export interface World extends Servers {
  readonly scene: Scene
  readonly crew: Crew
}

export interface Fault {
  readonly kind: string
  /** Of two faults at once, each happens to something else. */
  readonly target: 'workers' | 'Kafka' | 'the way to Kafka' | 'Redis' | 'the way to Redis'
  /** The least and the most that it lasts, in seconds. */
  readonly lasts: readonly [number, number]
  /** Resolves once it has begun, with what ends it. */
  readonly begin: (world: World, random: () => number) => Promise<End>
}

type End = () => Promise<unknown>

const AT_ONCE = [0, 0] as const
const A_WHILE = [0.5, 5] as const
/** Past the session time-out of Kafka (6 s), and the time-outs for answers. */
const LONG = [2, 12] as const

const OF_WORKERS = [
  fault('a worker killed', 'workers', [0, 3], async ({ crew }, random) => {
    const member = pick(crew, random)
    await member.kill()
    return () => member.startAgain()
  }),
  fault('a worker stopped', 'workers', [0, 3], async ({ crew }, random) => {
    const member = pick(crew, random)
    await member.stop()
    return () => member.startAgain()
  }),
  fault('a worker frozen', 'workers', LONG, async ({ crew }, random) => {
    const { pid } = pick(crew, random)
    process.kill(pid, 'SIGSTOP')
    return async () => process.kill(pid, 'SIGCONT')
  }),
  fault('a worker more', 'workers', [3, 10], async ({ crew }) => {
    const member = await crew.hire()
    return async () => {
      await member.stop()
      member.leave()
    }
  }),
]

const OF_KAFKA = [
  fault('Kafka restarted', 'Kafka', A_WHILE, async ({ kafka }) => {
    await kafka.end('SIGTERM')
    return () => kafka.startAgain()
  }),
  fault('Kafka killed', 'Kafka', A_WHILE, async ({ kafka }) => {
    await kafka.end('SIGKILL')
    return () => kafka.startAgain()
  }),
  fault('Kafka frozen', 'Kafka', LONG, async ({ kafka: { pid } }) => {
    process.kill(pid, 'SIGSTOP')
    return async () => process.kill(pid, 'SIGCONT')
  }),
  fault('partitions added', 'Kafka', AT_ONCE, async ({ scene }) => {
    const { topic } = scene.config.kafka
    await scene.withAdmin(async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      const count = (topics[0]?.partitions.length ?? 0) + 1
      await admin.createPartitions({ topicPartitions: [{ topic, count }] })
    })
    return async () => {}
  }),
]

const OF_THE_WAY_TO_KAFKA = [
  fault('Kafka unreachable', 'the way to Kafka', LONG, async ({ kafka: { proxy } }) => {
    await proxy.cut()
    return () => proxy.restore()
  }),
  fault('Kafka behind a silent way', 'the way to Kafka', LONG, async ({ kafka: { proxy } }) => {
    proxy.freeze()
    return async () => proxy.thaw()
  }),
  fault('Kafka far away', 'the way to Kafka', [3, 8], async ({ kafka: { proxy } }, random) => {
    proxy.delay(30 + Math.floor(random() * 170))
    return async () => proxy.delay(0)
  }),
  fault("Kafka's replies broken off", 'the way to Kafka', [1, 6], async ({ kafka: { proxy } }) =>
    redisFaults.repeatedly((signal) => proxy.cutInReply(100, signal)),
  ),
]

const OF_REDIS = [
  ofRedis('Redis restarted', A_WHILE, redisFaults.restartRedis),
  ofRedis('Redis killed', A_WHILE, redisFaults.killRedis),
  ofRedis('Redis frozen', LONG, redisFaults.freezeRedis),
  ofRedis('Redis full', A_WHILE, redisFaults.fillMemory),
  ofRedis('Redis without replicas', A_WHILE, redisFaults.requireReplicas),
  ofRedis('Redis read-only', A_WHILE, redisFaults.makeReadOnly),
  ofRedis('scripts of Redis flushed', [1, 6], redisFaults.flushScriptsRepeatedly),
  ofRedis('clients of Redis thrown out', [1, 6], redisFaults.killClientsRepeatedly),
]

const OF_THE_WAY_TO_REDIS = [
  ofWayToRedis('Redis unreachable', LONG, redisFaults.cutConnections),
  ofWayToRedis('Redis behind a silent way', LONG, redisFaults.freezeConnections),
  ofWayToRedis('Redis far away', [3, 8], redisFaults.delayConnections(100)),
  ofWayToRedis("Redis' replies broken off", [1, 6], redisFaults.cutRepliesRepeatedly),
]

/** Redis loses what it has acknowledged: only the checkpoint in it tells. */
const OF_WHAT_REDIS_HOLDS = [
  fault('Redis flushed', 'Redis', AT_ONCE, async ({ redis }) => {
    await redisFaults.withClient(redis, (client) => client.flushall())
    return async () => {}
  }),
  fault('Redis set back to older data', 'Redis', [1, 8], async ({ redis }) => {
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
  ...OF_THE_WAY_TO_KAFKA,
  ...OF_REDIS,
  ...OF_THE_WAY_TO_REDIS,
  ...OF_WHAT_REDIS_HOLDS,
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

function ofWayToRedis(
  kind: string,
  lasts: Fault['lasts'],
  redisFault: redisFaults.RedisFault,
): Fault {
  return { ...ofRedis(kind, lasts, redisFault), target: 'the way to Redis' }
}

function pick({ members }: Crew, random: () => number): Member {
  const member = members[Math.floor(random() * members.length)]
  if (member === undefined) throw new Error('there is no worker to pick')
  return member
}
