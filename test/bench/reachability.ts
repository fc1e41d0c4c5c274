/** Checks, before anything is measured, that the given Kafka and Redis answer. */
import { Redis } from 'ioredis'
import kafkajs from 'kafkajs'
import { describeAddress, parseRedisUrl } from '../../src/redis/connection/address.ts'
import { BenchError, EXIT_FAILURE } from './bench-error.ts'
import type { Addresses } from './servers.ts'

const TIMEOUT_MS = 5000

/** @throws BenchError that names the server that does not answer */
export async function checkReachable({ kafkaBrokers, redisUrl }: Addresses): Promise<void> {
  await checkKafka(kafkaBrokers)
  await checkRedis(redisUrl)
}

async function checkKafka(brokers: readonly string[]): Promise<void> {
  const admin = new kafkajs.Kafka({
    brokers: [...brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    connectionTimeout: TIMEOUT_MS,
    requestTimeout: TIMEOUT_MS,
    // tries each broker
    retry: { retries: brokers.length, initialRetryTime: 100 },
  }).admin()
  try {
    await admin.connect()
  } catch (error) {
    throw unreachable(`Kafka at ${brokers.join(', ')}`, 'KAFKA_BROKERS', error)
  } finally {
    await admin.disconnect()
  }
}

/** @throws BenchError that names the address without the password */
export async function checkRedis(url: string): Promise<void> {
  const server = `Redis at ${addressOf(url)}`
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
    retryStrategy: () => null,
  })
  let cause: unknown
  redis.on('error', (error) => {
    cause ??= error
  })
  try {
    await redis.connect()
    await redis.ping()
  } catch (error) {
    // prefers the first error of the connection: this one may only say that it is closed
    throw unreachable(server, 'REDIS_URL', cause ?? error)
  } finally {
    redis.disconnect()
  }
}

function addressOf(url: string): string {
  try {
    return describeAddress(parseRedisUrl(url))
  } catch (error) {
    throw new BenchError(`REDIS_URL: ${messageOf(error)}`, EXIT_FAILURE, { cause: error })
  }
}

function unreachable(server: string, variable: string, cause: unknown): BenchError {
  const message = `${server} does not answer (${messageOf(cause)}): check ${variable}`
  return new BenchError(message, EXIT_FAILURE, { cause })
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
