/**
 * Every setting there is, with its unit, default and meaning. From this schema come the
 * types, the validation, the names of environment variables and flags, and the published
 * JSON Schema.
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
  const error = `${REDIS_URL_FORMS}; what is special in URLs is percent-encoded`
  return z.string({ error }).refine(isRedisUrl, { error })
}

const isRedisUrl = (url: string): boolean => {
  try {
    return Boolean(parseRedisUrl(url))
  } catch {
    return false // its message speaks of the forms, as ours does
  }
}

const tls = z.strictObject({
  enabled: flag().default(false).describe('Speak TLS with the brokers.'),
  caFile: text()
    .optional()
    .describe('PEM file of the authorities to trust; without it, those that Node trusts.'),
  certFile: text().optional().describe('PEM file of the client certificate, where brokers ask.'),
  keyFile: text().optional().describe('PEM file of the key of the client certificate.'),
  rejectUnauthorized: flag()
    .default(true)
    .describe('Refuse a broker whose certificate cannot be verified. False only for trials.'),
})

const sasl = z.strictObject({
  mechanism: choice(['plain', 'scram-sha-256', 'scram-sha-512'])
    .optional()
    .describe('How to log in to the brokers: plain, scram-sha-256 or scram-sha-512.'),
  username: text().optional().describe('User name for SASL.'),
  password: text().optional().describe('Password for SASL.').meta(SECRET),
})

const kafka = z.strictObject({
  brokers: z
    .array(broker(), { error: 'a list of host:port' })
    .default([])
    .describe('Brokers to begin with, each as host:port; in the environment split by commas.'),
  topic: topicName().default('groups').describe('Topic that group events are read from.'),
  groupId: text()
    .default('group-traits')
    .describe('Consumer group: workers of the same group share the partitions.'),
  deadLetterTopic: topicName()
    .optional()
    .describe("Topic for rejected records; by default the topic's name and .dead-letters."),
  clientId: text().default('group-traits').describe("Name of this program in the brokers' logs."),
  tls: tls.prefault({}),
  sasl: sasl.prefault({}),
  connectTimeoutMs: durationMs('100ms', '10m')
    .prefault('10s')
    .describe('How long to wait for a connection to a broker.'),
  requestTimeoutMs: durationMs('1s', '10m')
    .prefault('30s')
    .describe('How long to wait for the answer of a broker.'),
  sessionTimeoutMs: durationMs('1s', '30m')
    .prefault('10s')
    .describe('After how long without a heartbeat other workers take over the partitions.'),
  maxWaitMs: durationMs('0ms', '5s')
    .prefault('250ms')
    .describe('How long a fetch may wait for new records; a stop may wait as long.'),
  maxFetchBytes: sizeBytes('64KiB', '1GiB')
    .prefault('4MiB')
    .describe('How much one fetch may bring, compressed, of all partitions together.'),
  maxPartitionFetchBytes: sizeBytes('64KiB', '1GiB')
    .prefault('2MiB')
    .describe('How much one fetch may bring, compressed, of one partition.'),
  maxBatchBytes: sizeBytes('1MiB', '1GiB')
    .prefault('64MiB')
    .describe('How large a compressed batch may become; a larger one stops its partition.'),
  concurrentPartitions: whole(1, 64)
    .default(2)
    .describe(
      'How many batches are worked on at the same time; one more may be in hand, decoded ahead.',
    ),
})

const redis = z.strictObject({
  url: redisUrl()
    .default('redis://127.0.0.1:6379')
    .describe(
      'Where the state is kept: redis://[USER:PASSWORD@]HOST:PORT[/DB], rediss:// for TLS; ' +
        'redis+sentinel://HOST:PORT,…/MASTER and redis+cluster://HOST:PORT,… likewise.',
    )
    .meta(SECRET),
  groupPrefix: keyPrefix().default('group:').describe('What the keys of groups begin with.'),
  userPrefix: keyPrefix().default('user:').describe('What the keys of users begin with.'),
  userIndex: flag().default(true).describe('Keep, for each user, the set of his or her groups.'),
  connectTimeoutMs: durationMs('100ms', '10m')
    .prefault('5s')
    .describe('How long to wait for a connection to Redis.'),
  commandTimeoutMs: durationMs('100ms', '10m')
    .prefault('5s')
    .describe('How long to wait for the answer of Redis.'),
})

const events = z.strictObject({
  maxClockSkewMs: durationMs('0ms', '3650d')
    .prefault('24h')
    .describe("How far an event's timestamp may lie ahead of its record's."),
  strictFormats: flag()
    .default(false)
    .describe(
      'Reject an email that is no e-mail address, and an avatar or website that is no URL.',
    ),
  tombstones: choice(['reject', 'erase'])
    .default('reject')
    .describe('What a record with a key and a null value does: reject it, or erase the group.'),
  maxEventBytes: sizeBytes('1KiB', '16MiB').prefault('1MiB').describe('Size of an event.'),
  maxTraits: whole(1, 100_000).default(512).describe('Traits of an event, removals included.'),
  maxTraitNameBytes: sizeBytes('1B', '64KiB').prefault('256B').describe("Size of a trait's name."),
  maxTraitValueBytes: sizeBytes('1B', '16MiB')
    .prefault('32KiB')
    .describe("Size of a trait's value as it is stored."),
  maxDepth: whole(2, 1000)
    .default(32)
    .describe('How deep objects and arrays of an event may be nested; the event itself is 1.'),
})

const worker = z.strictObject({
  shutdownTimeoutMs: durationMs('100ms', '1h')
    .prefault('10s')
    .describe('How long a stop may take before the process ends regardless.'),
  stallTimeoutMs: durationMs('10s', '1d')
    .prefault('5m')
    .describe(
      'How long a partition may stand still with records to read, though neither Kafka nor Redis ' +
        'is away, before the process ends to be started again. More than the slowest batch takes, ' +
        'and a rebalance, which waits a minute for other workers.',
    ),
  onLostState: choice(['replay', 'stop'])
    .default('replay')
    .describe(
      'Where Redis lost what it had acknowledged: read that again (replay), or end (stop), to be ' +
        'mended by hand with rebuild.',
    ),
})

const port = () => whole(0, 65_535)

const http = z.strictObject({
  host: host().default('127.0.0.1').describe('Address of the operations server of the worker.'),
  port: port()
    .default(8080)
    .describe('Its port, with /healthz, /readyz and /metrics; 0: any free.'),
})

const gateway = z.strictObject({
  host: host().default('127.0.0.1').describe('Address that the gateway takes events on.'),
  port: port().default(8081).describe('Its port, with POST /group; 0: any free.'),
})

const log = z.strictObject({
  level: choice(LOG_LEVELS).default('info').describe('The least that is logged.'),
  format: choice(['auto', 'json', 'pretty'])
    .default('auto')
    .describe('JSON lines, or pretty for people; auto: pretty on a terminal, else JSON.'),
})

export const configSchema = z
  .strictObject({
    kafka: kafka.prefault({}).describe('The brokers, the topics, and how they are read.'),
    redis: redis.prefault({}).describe('Where the state is kept.'),
    events: events.prefault({}).describe('Which events are valid.'),
    worker: worker.prefault({}).describe('The life of the worker.'),
    http: http.prefault({}).describe("The worker's operations server."),
    gateway: gateway.prefault({}).describe('The HTTP endpoint that takes events.'),
    log: log.prefault({}).describe('The log.'),
  })
  .meta({
    title: 'Configuration of group-traits',
    description: 'Every key is optional. Environment variables and flags go over the file.',
  })

/** Every setting with its value, as given or by default. */
export type Settings = z.infer<typeof configSchema>

/** The configuration in force: files read, defaults filled in. Each adapter gets its slice. */
export interface Config extends Omit<Settings, 'kafka'> {
  readonly kafka: KafkaSettings
}
