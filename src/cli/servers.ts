/** Kafka and Redis for commands that ask one thing and end: opened, waited for, and closed. */
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
import { awayTooLong, patiently } from './patience.ts'

export function nameOfKafka({ kafka }: Config): string {
  return `Kafka at ${kafka.brokers.join(', ')} (KAFKA_BROKERS)`
}

export function nameOfRedis({ redis }: Config): string {
  return `Redis at ${describeAddress(parseRedisUrl(redis.url))} (REDIS_URL)`
}

/** What these commands have to say, they say themselves: a log is for who debugs. */
export function quietLog({ stderr }: Cli, { log }: Config): Log {
  const level = log.level === 'debug' ? 'debug' : 'silent'
  return createLogger({ level, format: 'pretty' }, stderr)
}

/** @throws CommandFailed where Redis is away for too long */
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
    return await patiently(timeout, nameOfRedis(config), attempt, hint)
  } finally {
    connection.close()
  }
}

/** What to do where Redis is away: nobody has said where it is, and no npm start is running. */
export function hintFor({ settings }: LoadedConfig): string | undefined {
  if (settings.get('redis.url')?.origin.source !== 'default') return undefined
  return 'No Redis is named: run npm start, or set REDIS_URL (and KAFKA_BROKERS) to servers of yours.'
}

/** Why there is no connection says more than that there is none. */
function withReason(error: unknown, { ready, lastError }: RedisConnection): unknown {
  if (!(error instanceof Unavailable) || ready || lastError === null) return error
  return new Unavailable('redis', lastError.message, { cause: error })
}

/**
 * Gives `work` a publisher, once the topic is known to be there and to be writable.
 *
 * @throws CommandFailed where Kafka is away for too long; NotRetriable; what `work` throws
 */
export async function withPublisher<Result>(
  cli: Cli,
  config: Config,
  timeout: number,
  work: (publisher: Publisher) => Promise<Result>,
): Promise<Result> {
  const log = quietLog(cli, config)
  const kafka = nameOfKafka(config)
  await patiently(timeout, kafka, () => checkPublishing(config.kafka, log))
  const publisher = createPublisher(config.kafka, log, { deadlineMs: timeout * 1000 })
  try {
    return await work(publisher)
  } catch (error) {
    if (error instanceof Unavailable) throw awayTooLong(kafka, timeout, error.message)
    throw error
  } finally {
    await Promise.race([publisher.close(), sleep(CLOSE_MS, undefined, { ref: false })])
  }
}

/** All is acknowledged by then, or given up. */
const CLOSE_MS = 2000
