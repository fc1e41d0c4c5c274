import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import kafkajs, { type Admin, type Producer } from 'kafkajs'
import { downloadsFolder } from '../../src/local/endpoints.ts'
import { kafkaVersion } from '../../src/local/servers/kafka-server.ts'
import { startLocalStack } from '../../src/local/stack.ts'
import { cpuSecondsOf, pidWithin } from './process-facts.ts'
import { checkReachable } from './reachability.ts'

/** The Kafka and the Redis to measure on, with clients of our own to fill and watch them. */
export interface Servers extends Addresses {
  /** Whether nobody else uses them. */
  readonly isOwn: boolean
  readonly kafkaVersion: string | undefined
  readonly admin: Admin
  readonly redis: Redis
  /** Aborted where the run is interrupted: whoever waits on these servers waits no longer. */
  readonly signal: AbortSignal
  /** Connects a producer for one topic: kafkajs' own stumbles over a topic that is gone since. */
  connectProducer(): Promise<Producer>
  /** CPU seconds so far; NaN of a Kafka whose process is not known. */
  kafkaCpuSeconds(): Promise<number>
  redisCpuSeconds(): Promise<number>
  stop(): Promise<void>
}

export interface Addresses {
  readonly kafkaBrokers: readonly string[]
  readonly redisUrl: string
}

interface Given extends Addresses {
  readonly isOwn: boolean
  readonly kafkaVersion: string | undefined
  readonly kafkaPid: number | undefined
  readonly signal: AbortSignal
  stop(): Promise<void>
}

/**
 * Those of KAFKA_BROKERS and REDIS_URL where both are set, else a local stack that is gone
 * after, its Redis without persistence.
 *
 * @throws EarlyEnd where one that was given does not answer; StackFailed
 */
export async function openServers(
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<Servers> {
  const { KAFKA_BROKERS, REDIS_URL } = env
  if (KAFKA_BROKERS && REDIS_URL) {
    const addresses = { kafkaBrokers: KAFKA_BROKERS.split(','), redisUrl: REDIS_URL }
    await checkReachable(addresses)
    return connect({
      ...addresses,
      isOwn: false,
      kafkaVersion: undefined,
      kafkaPid: undefined,
      signal,
      stop: async () => {},
    })
  }
  const folder = await mkdtemp(join(tmpdir(), 'group-traits-bench-'))
  let stop = () => rm(folder, { recursive: true, force: true })
  try {
    const options = { folder, downloads: downloadsFolder, report: say, signal }
    const stack = await startLocalStack({ ...options, engine: 'java' })
    const remove = stop
    stop = () => stack.stop().finally(remove)
    const kafkaPid = await pidWithin(join(folder, 'kafka'))
    const servers = await connect({ ...stack, isOwn: true, kafkaVersion, kafkaPid, signal, stop })
    // what a disk costs would be measured, too, and on no two machines alike
    await servers.redis.config('SET', 'appendonly', 'no')
    return servers
  } catch (error) {
    await stop()
    throw error
  }
}

async function connect({ kafkaPid, ...given }: Given): Promise<Servers> {
  const kafka = new kafkajs.Kafka({
    brokers: [...given.kafkaBrokers],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 10 },
  })
  const admin = kafka.admin()
  const redis = new Redis(given.redisUrl)
  redis.on('error', () => {
    // who waits for an answer is told
  })
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
    kafkaCpuSeconds: () => cpuSecondsOf(kafkaPid),
    async redisCpuSeconds() {
      const info = await redis.info('cpu')
      return numberIn(info, /^used_cpu_user:(\S+)/m) + numberIn(info, /^used_cpu_sys:(\S+)/m)
    },
    async stop() {
      await admin.disconnect()
      redis.disconnect()
      await given.stop()
    },
  }
}

/** How long a broker waits for further members before the first of a group may begin. */
export async function initialRebalanceDelayMs({ admin }: Servers): Promise<number> {
  const name = 'group.initial.rebalance.delay.ms'
  const { brokers } = await admin.describeCluster()
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [
      {
        type: kafkajs.ConfigResourceTypes.BROKER,
        name: String(brokers[0]?.nodeId),
        configNames: [name],
      },
    ],
  })
  return Number(resources[0]?.configEntries[0]?.configValue)
}

/** The number that the pattern's first group finds in a text, such as an answer to INFO; else NaN. */
export function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1])
}
