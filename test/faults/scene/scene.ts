/** A topic, keys and workers of one's own, a load on them, and an oracle that judges the outcome. */
import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import type { Config } from '../../../src/app/config/config.ts'
import { loadConfig } from '../../../src/app/config/loader.ts'
import { amendKafkajs, kafkajs } from '../../../src/kafka/client/kafkajs.ts'
import { createTopic } from '../../../src/kafka/topics/topic-facts.ts'
import { spawnWorker, type WorkerProcess } from '../../integration/worker/spawned-worker.ts'
import { until } from '../../setup/waiting.ts'
import { createLoad, type Load } from './load.ts'
import { createOracle, type Oracle } from './oracle.ts'
import { findKeys } from './redis-contents.ts'

// else its clients fill stderr with warnings
amendKafkajs()

export interface SceneOptions {
  /** Where load and oracle find Kafka and Redis, and the workers unless `environment` differs. */
  readonly kafkaBrokers: readonly string[]
  readonly redisUrl: string
  readonly partitions: number
  /** How many are started at once; none where left out. */
  readonly workers?: number
  /** Settings of the workers: what faults stand in the way of, shorter time-outs. */
  readonly environment?: Readonly<Record<string, string>>
  readonly seed?: number
}

export interface Scene {
  /** As the workers have it, but for the addresses. */
  readonly config: Config
  readonly load: Load
  readonly oracle: Oracle
  readonly redis: Redis
  /** All that were ever started, in order. */
  readonly workers: readonly WorkerProcess[]
  startWorker(changes?: Readonly<Record<string, string>>): WorkerProcess
  /** What plain kafkajs does to the broker. */
  withAdmin<Result>(work: (admin: Admin) => Promise<Result>): Promise<Result>
  makeTopic(partitions: number): Promise<void>
  /** Kills the workers, ends the load, and removes the keys where Redis still answers. */
  close(): Promise<void>
}

type Admin = ReturnType<InstanceType<typeof kafkajs.Kafka>['admin']>

export async function startScene(options: SceneOptions): Promise<Scene> {
  const { kafkaBrokers, redisUrl, partitions, environment = {}, seed = SEED } = options
  const name = `scene-${randomUUID().slice(0, 8)}`
  const own = { KAFKA_BROKERS: kafkaBrokers.join(','), REDIS_URL: redisUrl }
  const ofWorkers = { ...own, ...namesOf(name), ...SHORT, ...environment }
  const config = configOf({ ...ofWorkers, ...own })
  const withAdmin: Scene['withAdmin'] = (work) => withAdminOf(kafkaBrokers, work)
  const makeTopic = async (count: number) => {
    await withAdmin(async (admin) => {
      await createTopic(admin, name, count, {})
      await until('its partitions have leaders', () => admin.fetchTopicOffsets(name))
    })
  }
  await makeTopic(partitions)

  const redis = new Redis(redisUrl, { retryStrategy: () => 100 })
  redis.on('error', () => {}) // its faults are on purpose; a command that fails says so
  const load = createLoad({ brokers: kafkaBrokers, topic: name, seed })
  const workers: WorkerProcess[] = []
  const startWorker: Scene['startWorker'] = (changes = {}) => {
    const worker = spawnWorker({ ...ofWorkers, ...changes })
    workers.push(worker)
    return worker
  }
  for (let count = options.workers ?? 0; count > 0; count--) startWorker()
  return {
    config,
    load,
    oracle: createOracle({ config, redis, load }),
    redis,
    workers,
    startWorker,
    withAdmin,
    makeTopic,
    async close() {
      await Promise.all(workers.map((worker) => worker.end('SIGKILL')))
      await load.close()
      if (redis.status === 'ready') {
        const keys = [...(await findKeys(redis, config.redis)), checkpointOf(config)]
        await redis.unlink(keys)
      }
      redis.disconnect()
    },
  }
}

const SEED = 20_201_123

function checkpointOf({ kafka: { topic, groupId } }: Config): string {
  return `group-traits:applied:{${topic}}:${groupId}`
}

function namesOf(name: string) {
  return {
    KAFKA_TOPIC: name,
    KAFKA_GROUP_ID: name,
    REDIS_GROUP_PREFIX: `${name}:group:`,
    REDIS_USER_PREFIX: `${name}:user:`,
    HTTP_PORT: '0',
  }
}

/** Outages are noticed, and batches small, so that a fault meets some in hand. */
const SHORT = {
  KAFKA_SESSION_TIMEOUT_MS: '6s',
  KAFKA_CONNECT_TIMEOUT_MS: '3s',
  KAFKA_REQUEST_TIMEOUT_MS: '5s',
  KAFKA_MAX_WAIT_MS: '100ms',
  KAFKA_MAX_PARTITION_FETCH_BYTES: '64KiB',
}

function configOf(environment: Readonly<Record<string, string>>): Config {
  return loadConfig({
    file: undefined,
    environment,
    flags: new Map(),
    needsKafka: true,
    localEndpoints: undefined,
    readFile: (path) => {
      throw new Error(`${path} is not read here`)
    },
  }).config
}

async function withAdminOf<Result>(
  brokers: readonly string[],
  work: (admin: Admin) => Promise<Result>,
): Promise<Result> {
  const client = new kafkajs.Kafka({
    brokers: [...brokers],
    clientId: 'scene',
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 10, initialRetryTime: 100 },
  })
  const admin = client.admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}
