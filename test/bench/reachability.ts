/** Whether the servers that were given answer: asked before anything is measured. */
import { Redis } from 'ioredis'
import kafkajs from 'kafkajs'
import { describeAddress, parseRedisUrl } from '../../src/redis/connection/address.ts'
import { EarlyEnd, FAILED } from './early-end.ts'
import type { Addresses } from './servers.ts'

const TIMEOUT_MS = 5000

/** @throws EarlyEnd that names the address that does not answer */
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
    // each of them is asked
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

/** @throws EarlyEnd that names the address, without a password */
export async function checkRedis(url: string): Promise<void> {
  const place = `Redis at ${placeOf(url)}`
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
    // which says only that the connection is closed, where there was one before
    throw unreachable(place, 'REDIS_URL', cause ?? error)
  } finally {
    redis.disconnect()
  }
}

function placeOf(url: string): string {
  try {
    return describeAddress(parseRedisUrl(url))
  } catch (error) {
    throw new EarlyEnd(`REDIS_URL: ${messageOf(error)}`, FAILED, { cause: error })
  }
}

function unreachable(place: string, variable: string, cause: unknown): EarlyEnd {
  const message = `${place} does not answer (${messageOf(cause)}): see ${variable}`
  return new EarlyEnd(message, FAILED, { cause })
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
