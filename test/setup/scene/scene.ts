/**
 * The stage of a whole-system test: a topic, key prefixes and worker processes of its own, a load
 * that produces records, and an oracle that judges the outcome. Usable without vitest.
 */
import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import type { Config } from '../../../src/app/config/config.ts'
import { loadConfig } from '../../../src/app/config/loader.ts'
import type { Admin } from '../../../src/kafka/client/kafkajs.ts'
import { makeTopicOf, withAdmin as withAdminOf } from '../kafka/admin.ts'
import { spawnWorker, type WorkerProcess } from '../worker/worker-process.ts'
import { createLoad, type Load } from './load.ts'
import { createOracle, type Oracle } from './oracle.ts'
import { findKeys } from './redis-contents.ts'

export interface SceneOptions {
  /** Servers of the load and the oracle, and of the workers unless `environment` names others. */
  readonly kafkaBrokers: readonly string[]
  readonly redisUrl: string
  readonly partitions: number
  /** How many workers to start at once; none by default. */
  readonly workers?: number
  /** Settings of the workers, such as addresses of proxies or shorter timeouts. */
  readonly environment?: Readonly<Record<string, string>>
  readonly seed?: number
}

export interface Scene {
  /** The workers' configuration, but with the addresses of the load and the oracle. */
  readonly config: Config
  readonly load: Load
  readonly oracle: Oracle
  readonly redis: Redis
  /** All workers ever started, in order. */
  readonly workers: readonly WorkerProcess[]
  startWorker(changes?: Readonly<Record<string, string>>): WorkerProcess
  /** Runs `work` with a plain kafkajs admin client. */
  withAdmin<Result>(work: (admin: Admin) => Promise<Result>): Promise<Result>
  /** Creates the scene's topic again, after a test deleted it. */
  makeTopic(partitions: number): Promise<void>
  /** Kills the workers, stops the load, and deletes the keys if Redis still answers. */
  close(): Promise<void>
}

export async function startScene(options: SceneOptions): Promise<Scene> {
  const { kafkaBrokers, redisUrl, partitions, environment = {}, seed = SEED } = options
  const name = `scene-${randomUUID().slice(0, 8)}`
  const own = { KAFKA_BROKERS: kafkaBrokers.join(','), REDIS_URL: redisUrl }
  const ofWorkers = { ...own, ...namesOf(name), ...SHORT, ...environment }
  const config = configOf({ ...ofWorkers, ...own })
  const withAdmin: Scene['withAdmin'] = (work) => withAdminOf({ brokers: kafkaBrokers }, work)
  const makeTopic = (count: number) => makeTopicOf({ brokers: kafkaBrokers }, name, count)
  await makeTopic(partitions)

  const redis = new Redis(redisUrl, { retryStrategy: () => 100 })
  redis.on('error', () => {}) // outages are on purpose; a failed command still throws
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

/** Short timeouts notice outages soon; small batches mean that some are in flight during a fault. */
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
