/**
 * Defines every setting, with its unit, default and meaning. The types, the validation, the names
 * of environment variables and flags, and the published JSON Schema derive from this schema.
 */
import { z } from 'zod'
import type { KafkaSettings } from '../../kafka/client/settings.ts'
import { parseRedisUrl, REDIS_URL_FORMS } from '../../redis/connection/address.ts'
import { LOG_LEVELS } from '../../telemetry/logger.ts'
import { choice, durationMs, flag, sizeBytes, text, textLike, topicName, whole } from './kinds.ts'

const SECRET = { secret: true }

const host = () => textLike(/^[^\s/]+$/, 'a host name or an IP address')
const keyPrefix = () =>
  textLike(/^[^{}\s\p{Cc}]{1,100}$/u, '1 to 100 characters without blanks, "{" or "}"')

const broker = () => {
  const error = 'host:port, with a port from 1 to 65535'
  const hasPort = (text: string) => isPort(Number(text.slice(text.lastIndexOf(':') + 1)))
  return textLike(/^[^\s:/,]+:\d{1,5}$/, error).refine(hasPort, { error })
}

const isPort = (port: number) => port >= 1 && port <= 65_535

const redisUrl = () => {
  const error = `${REDIS_URL_FORMS}; special characters must be percent-encoded`
  return z.string({ error }).refine(isRedisUrl, { error })
}

const isRedisUrl = (url: string): boolean => {
  try {
    return Boolean(parseRedisUrl(url))
  } catch {
    return false // the error's message would only list the forms, as ours does
  }
}

const tls = z.strictObject({
  enabled: flag().default(false).describe('Use TLS for connections to the brokers.'),
  caFile: text()
    .optional()
    .describe(
      'PEM file with the certificate authorities to trust. Default: those that Node trusts.',
    ),
  certFile: text()
    .optional()
    .describe('PEM file with the client certificate, if the brokers require one.'),
  keyFile: text().optional().describe('PEM file with the private key of the client certificate.'),
  rejectUnauthorized: flag()
    .default(true)
    .describe('Reject brokers whose certificate cannot be verified. Set false only for tests.'),
})

const sasl = z.strictObject({
  mechanism: choice(['plain', 'scram-sha-256', 'scram-sha-512'])
    .optional()
    .describe('SASL mechanism to log in to the brokers: plain, scram-sha-256 or scram-sha-512.'),
  username: text().optional().describe('SASL user name.'),
  password: text().optional().describe('SASL password.').meta(SECRET),
})

const kafka = z.strictObject({
  brokers: z
    .array(broker(), { error: 'a list of host:port' })
    .default([])
    .describe('Bootstrap brokers as host:port: a list in the file; separated by commas elsewhere.'),
  topic: topicName().default('groups').describe('Topic with the group events.'),
  groupId: text()
    .default('group-traits')
    .describe('Consumer group. Workers in the same group share the partitions.'),
  deadLetterTopic: topicName()
    .optional()
    .describe('Topic for rejected records. Default: the name of the topic plus .dead-letters.'),
  clientId: text()
    .default('group-traits')
    .describe('Client id, which the brokers log with every request.'),
  tls: tls.prefault({}),
  sasl: sasl.prefault({}),
  connectTimeoutMs: durationMs('100ms', '10m')
    .prefault('10s')
    .describe('Timeout for opening a connection to a broker.'),
  requestTimeoutMs: durationMs('1s', '10m')
    .prefault('30s')
    .describe('Timeout for a response from a broker.'),
  sessionTimeoutMs: durationMs('1s', '30m')
    .prefault('10s')
    .describe('If no heartbeat arrives for this long, other workers take over the partitions.'),
  maxWaitMs: durationMs('0ms', '5s')
    .prefault('250ms')
    .describe('How long a fetch may wait for new records. A stop may have to wait for a fetch.'),
  maxFetchBytes: sizeBytes('64KiB', '1GiB')
    .prefault('4MiB')
    .describe('Maximum size of one fetch, compressed, for all partitions together.'),
  maxPartitionFetchBytes: sizeBytes('64KiB', '1GiB')
    .prefault('2MiB')
    .describe('Maximum size of one fetch, compressed, for each partition.'),
  maxBatchBytes: sizeBytes('1MiB', '1GiB')
    .prefault('64MiB')
    .describe('Maximum size in memory of a compressed batch. A larger one stops its partition.'),
  concurrentPartitions: whole(1, 64)
    .default(2)
    .describe(
      'How many batches are processed at the same time. One more may be decoded ahead of its turn.',
    ),
})

const redis = z.strictObject({
  url: redisUrl()
    .default('redis://127.0.0.1:6379')
    .describe(
      'Redis server with the state: redis://[USER:PASSWORD@]HOST:PORT[/DB], or rediss:// for ' +
        'TLS; for Sentinel redis+sentinel://HOST:PORT,…/MASTER; for Cluster ' +
        'redis+cluster://HOST:PORT,…',
    )
    .meta(SECRET),
  groupPrefix: keyPrefix().default('group:').describe('Prefix of the keys of groups.'),
  userPrefix: keyPrefix().default('user:').describe('Prefix of the keys of users.'),
  userIndex: flag().default(true).describe('For each user, store the set of their groups.'),
  connectTimeoutMs: durationMs('100ms', '10m')
    .prefault('5s')
    .describe('Timeout for opening a connection to Redis.'),
  commandTimeoutMs: durationMs('100ms', '10m')
    .prefault('5s')
    .describe('Timeout for a reply from Redis.'),
})

const events = z.strictObject({
  maxClockSkewMs: durationMs('0ms', '3650d')
    .prefault('24h')
    .describe("How far the timestamp of an event may be ahead of its Kafka record's timestamp."),
  strictFormats: flag()
    .default(false)
    .describe(
      'Reject an email that is not an e-mail address, and an avatar or website that is not a URL.',
    ),
  tombstones: choice(['reject', 'erase'])
    .default('reject')
    .describe(
      'What to do with a record that has a key and a null value: reject it, or erase the group. ' +
        'A record with the header group-traits.erase erases the group in either case.',
    ),
  maxEventBytes: sizeBytes('1KiB', '16MiB').prefault('1MiB').describe('Maximum size of an event.'),
  maxTraits: whole(1, 100_000)
    .default(512)
    .describe('Maximum number of traits in an event, removals included.'),
  maxTraitNameBytes: sizeBytes('1B', '64KiB')
    .prefault('256B')
    .describe('Maximum size of the name of a trait.'),
  maxTraitValueBytes: sizeBytes('1B', '16MiB')
    .prefault('32KiB')
    .describe('Maximum size of the value of a trait, as stored.'),
  maxDepth: whole(2, 1000)
    .default(32)
    .describe('Maximum nesting of objects and arrays in an event. The event itself is level 1.'),
})

const worker = z.strictObject({
  shutdownTimeoutMs: durationMs('100ms', '1h')
    .prefault('10s')
    .describe('How long a stop may take. After that the process exits regardless.'),
  stallTimeoutMs: durationMs('10s', '1d')
    .prefault('5m')
    .describe(
      'How long a partition with records to read may make no progress while neither Kafka nor ' +
        'Redis is away. After that the process ends, so that it is restarted. Set it higher than ' +
        'the slowest batch takes, and than a rebalance, which waits a minute for other workers.',
    ),
  onLostState: choice(['replay', 'stop'])
    .default('replay')
    .describe(
      'What to do when Redis lost writes that it had acknowledged: replay the lost records from ' +
        'the topic, or stop the worker, to be repaired by hand with rebuild.',
    ),
})

const port = () => whole(0, 65_535)

const http = z.strictObject({
  host: host().default('127.0.0.1').describe("Address of the worker's operations server."),
  port: port()
    .default(8080)
    .describe('Port of the operations server (/healthz, /readyz, /metrics). 0: any free port.'),
})

const gateway = z.strictObject({
  host: host().default('127.0.0.1').describe('Address of the gateway.'),
  port: port().default(8081).describe('Port of the gateway (POST /group). 0: any free port.'),
})

const log = z.strictObject({
  level: choice(LOG_LEVELS).default('info').describe('Minimum level of the lines that are logged.'),
  format: choice(['auto', 'json', 'pretty'])
    .default('auto')
    .describe('json: JSON lines; pretty: text for people; auto: pretty on a terminal, else json.'),
})

export const configSchema = z
  .strictObject({
    kafka: kafka.prefault({}).describe('The brokers, the topics, and the consumer.'),
    redis: redis.prefault({}).describe('The Redis server with the state.'),
    events: events.prefault({}).describe('Which events are valid.'),
    worker: worker
      .prefault({})
      .describe('Timeouts of the worker, and what it does when Redis lost writes.'),
    http: http.prefault({}).describe("The worker's operations server."),
    gateway: gateway.prefault({}).describe('The HTTP server that accepts events.'),
    log: log.prefault({}).describe('The log.'),
  })
  .meta({
    title: 'Configuration of group-traits',
    description: 'Every key is optional. Environment variables and flags override the file.',
  })

/** Every setting with its value, given or default. */
export type Settings = z.infer<typeof configSchema>

/** The effective configuration: files are read, defaults filled in. Each adapter receives its slice. */
export interface Config extends Omit<Settings, 'kafka'> {
  readonly kafka: KafkaSettings
}
