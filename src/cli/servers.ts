/** Opens and closes Kafka and Redis for commands that do one thing and end. They retry outages. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Config } from '../app/config/config.ts'
import type { LoadedConfig } from '../app/config/loader.ts'
import { createPublisher, type Publisher } from '../kafka/producer/publisher.ts'
import { checkPublishing } from '../kafka/topics/topics.ts'
import { Unavailable } from '../pipeline/errors.ts'
import type { Log } from '../pipeline/ports.ts'
import { describeAddress, parseRedisUrl } from '../redis/connection/address.ts'
import { openRedis, type RedisConnection } from '../redis/connection/connection.ts'
import { createLogger } from '../telemetry/logger.ts'
import type { Cli } from './cli.ts'
import { awayTooLong, retryWhileAway } from './retry-while-away.ts'

export function nameOfKafka({ kafka }: Config): string {
  return `Kafka at ${kafka.brokers.join(', ')} (KAFKA_BROKERS)`
}

export function nameOfRedis({ redis }: Config): string {
  return `Redis at ${describeAddress(parseRedisUrl(redis.url))} (REDIS_URL)`
}

/** Returns a log that is silent except at level debug: these commands print their own messages. */
export function quietLog({ stderr }: Cli, { log }: Config): Log {
  const level = log.level === 'debug' ? 'debug' : 'silent'
  return createLogger({ level, format: 'pretty' }, stderr)
}

/**
 * Calls `ask` with a connection to Redis.
 *
 * @param timeout seconds
 * @throws CommandFailed if Redis is away for longer
 */
export async function askRedis<Answer>(
  cli: Cli,
  config: Config,
  timeout: number,
  ask: (connection: RedisConnection) => Promise<Answer>,
  hint?: string,
): Promise<Answer> {
  const connection = openRedis(config.redis, quietLog(cli, config))
  try {
    const attempt = () =>
      ask(connection).catch((error) => {
        throw withReason(error, connection)
      })
    return await retryWhileAway(timeout, nameOfRedis(config), attempt, hint)
  } finally {
    connection.close()
  }
}

/** Returns the hint for when Redis is away and no Redis is configured. */
export function hintFor({ settings }: LoadedConfig): string | undefined {
  if (settings.get('redis.url')?.origin.source !== 'default') return undefined
  return 'No Redis is configured: run npm start, or set REDIS_URL (and KAFKA_BROKERS).'
}

/** Replaces "no connection" by the reason why there is none. */
function withReason(error: unknown, { ready, lastError }: RedisConnection): unknown {
  if (!(error instanceof Unavailable) || ready || lastError === null) return error
  return new Unavailable('redis', lastError.message, { cause: error })
}

/**
 * Calls `work` with a publisher, after checking that the topic exists and may be written.
 *
 * @param timeout seconds
 * @throws CommandFailed if Kafka is away for longer; NotRetriable; what `work` throws
 */
export async function withPublisher<Result>(
  cli: Cli,
  config: Config,
  timeout: number,
  work: (publisher: Publisher) => Promise<Result>,
): Promise<Result> {
  const log = quietLog(cli, config)
  const kafka = nameOfKafka(config)
  await retryWhileAway(timeout, kafka, () => checkPublishing(config.kafka, log))
  const publisher = createPublisher(config.kafka, log, { timeoutMs: timeout * 1000 })
  try {
    return await work(publisher)
  } catch (error) {
    if (error instanceof Unavailable) throw awayTooLong(kafka, timeout, error.message)
    throw error
  } finally {
    await Promise.race([publisher.close(), sleep(CLOSE_MS, undefined, { ref: false })])
  }
}

/** How long closing may take. By then every record is acknowledged or has failed. */
const CLOSE_MS = 2000
