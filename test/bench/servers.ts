import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { type Admin, Kafka, logLevel, type Producer } from 'kafkajs'
import { downloadsFolder } from '../../src/local/endpoints.ts'
import { startLocalStack } from '../../src/local/stack.ts'

/** The Kafka and the Redis to measure on, with clients of our own to fill and watch them. */
export interface Servers {
  readonly kafkaBrokers: readonly string[]
  readonly redisUrl: string
  readonly admin: Admin
  readonly redis: Redis
  /** Connects a producer for one topic: kafkajs' own stumbles over a topic that is gone since. */
  connectProducer(): Promise<Producer>
  stop(): Promise<void>
}

/**
 * Those of KAFKA_BROKERS and REDIS_URL where both are set, else a local stack that is gone
 * after, its Redis without persistence.
 */
export async function openServers(
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
): Promise<Servers> {
  const { KAFKA_BROKERS, REDIS_URL } = env
  if (KAFKA_BROKERS && REDIS_URL) {
    const given = { kafkaBrokers: KAFKA_BROKERS.split(','), redisUrl: REDIS_URL }
    return connect({ ...given, stop: async () => {} })
  }
  const folder = await mkdtemp(join(tmpdir(), 'group-traits-bench-'))
  const options = { folder, downloads: downloadsFolder, report: say }
  const stack = await startLocalStack({ ...options, engine: 'java' })
  const servers = await connect({
    ...stack,
    async stop() {
      await stack.stop()
      await rm(folder, { recursive: true, force: true })
    },
  })
  // what a disk costs would be measured, too, and on no two machines alike
  await servers.redis.config('SET', 'appendonly', 'no')
  return servers
}

async function connect(
  given: Pick<Servers, 'kafkaBrokers' | 'redisUrl' | 'stop'>,
): Promise<Servers> {
  const kafka = new Kafka({
    brokers: [...given.kafkaBrokers],
    logLevel: logLevel.NOTHING,
    retry: { retries: 10 },
  })
  const admin = kafka.admin()
  const redis = new Redis(given.redisUrl)
  await admin.connect()
  return {
    ...given,
    admin,
    redis,
    async connectProducer() {
      const producer = kafka.producer({ allowAutoTopicCreation: false })
      await producer.connect()
      return producer
    },
    async stop() {
      await admin.disconnect()
      redis.disconnect()
      await given.stop()
    },
  }
}

/** CPU seconds that Redis has used since its start. */
export async function redisCpuSeconds(redis: Redis): Promise<number> {
  const info = await redis.info('cpu')
  return numberIn(info, /^used_cpu_user:(\S+)/m) + numberIn(info, /^used_cpu_sys:(\S+)/m)
}

/** Keys that match a glob, counted. */
export async function countKeys(redis: Redis, pattern: string): Promise<number> {
  let count = 0
  for await (const keys of redis.scanStream({ match: pattern, count: 5000 })) count += keys.length
  return count
}

export async function removeKeys(redis: Redis, pattern: string): Promise<void> {
  for await (const keys of redis.scanStream({ match: pattern, count: 5000 })) {
    if (keys.length > 0) await redis.unlink(keys)
  }
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1])
}
