import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import kafkajs, { type Admin, type Producer } from 'kafkajs'
import { downloadsFolder } from '../../src/local/endpoints.ts'
import { kafkaVersion } from '../../src/local/servers/kafka-server.ts'
import { startLocalStack } from '../../src/local/stack.ts'
import { cpuSecondsOf, pidWithin } from './process-stats.ts'
import { checkReachable } from './reachability.ts'

/** The Kafka and the Redis to measure on, with the benchmark's own clients. */
export interface Servers extends Addresses {
  /** Whether we started them: nobody else uses them. */
  readonly isOwn: boolean
  readonly kafkaVersion: string | undefined
  readonly admin: Admin
  readonly redis: Redis
  /** Aborted when the run is interrupted; all waits end then. */
  readonly signal: AbortSignal
  /** Connects a producer for one topic: a kafkajs producer fails if one of its topics is deleted. */
  connectProducer(): Promise<Producer>
  /** CPU seconds so far; NaN for a Kafka that we did not start. */
  kafkaCpuSeconds(): Promise<number>
  redisCpuSeconds(): Promise<number>
  stop(): Promise<void>
}

export interface Addresses {
  readonly kafkaBrokers: readonly string[]
  readonly redisUrl: string
}

interface ServerOptions extends Addresses {
  readonly isOwn: boolean
  readonly kafkaVersion: string | undefined
  readonly kafkaPid: number | undefined
  readonly signal: AbortSignal
  stop(): Promise<void>
}

/**
 * Connects to the servers at KAFKA_BROKERS and REDIS_URL if both are set, else starts a local stack,
 * whose Redis does not persist and which `stop` removes.
 *
 * @throws BenchError if a given server does not answer; StackFailed if the stack does not start
 */
export async function openServers(
  env: NodeJS.ProcessEnv,
  report: (line: string) => void,
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
    const options = { folder, downloads: downloadsFolder, report, signal }
    const stack = await startLocalStack({ ...options, engine: 'java' })
    const remove = stop
    stop = () => stack.stop().finally(remove)
    const kafkaPid = await pidWithin(join(folder, 'kafka'))
    const servers = await connect({ ...stack, isOwn: true, kafkaVersion, kafkaPid, signal, stop })
    // otherwise the speed of the disk would be measured, too
    await servers.redis.config('SET', 'appendonly', 'no')
    return servers
  } catch (error) {
    await stop()
    throw error
  }
}

async function connect({ kafkaPid, ...given }: ServerOptions): Promise<Servers> {
  const kafka = new kafkajs.Kafka({
    brokers: [...given.kafkaBrokers],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 10 },
  })
  const admin = kafka.admin()
  const redis = new Redis(given.redisUrl)
  redis.on('error', () => {
    // the commands that are waiting are rejected
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

/** Reads how long the broker waits for further members before a new group's first assignment. */
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

/** Returns the number that the pattern's first group matches, in a reply of INFO for example; else NaN. */
export function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1])
}
