import type { Settings } from './config.ts'

/** A rule for several settings, each of which is valid by itself. */
export interface Agreement {
  /** The names of the settings. An error names the first one. */
  readonly between: readonly [string, ...string[]]
  isBroken(settings: Settings): boolean
  readonly message: string
}

export const agreements: readonly Agreement[] = [
  {
    between: ['kafka.deadLetterTopic', 'kafka.topic'],
    isBroken: ({ kafka }) => kafka.deadLetterTopic === kafka.topic,
    message: 'must not be the same as kafka.topic: every dead letter would be read as an event',
  },
  {
    between: ['kafka.sasl.mechanism', 'kafka.sasl.username', 'kafka.sasl.password'],
    isBroken: ({ kafka: { sasl } }) =>
      sasl.mechanism === undefined && (sasl.username !== undefined || sasl.password !== undefined),
    message: 'must be set if kafka.sasl.username or kafka.sasl.password is set',
  },
  {
    between: ['kafka.sasl.username', 'kafka.sasl.mechanism'],
    isBroken: ({ kafka: { sasl } }) => sasl.mechanism !== undefined && sasl.username === undefined,
    message: 'must be set if kafka.sasl.mechanism is set',
  },
  {
    between: ['kafka.sasl.password', 'kafka.sasl.mechanism'],
    isBroken: ({ kafka: { sasl } }) => sasl.mechanism !== undefined && sasl.password === undefined,
    message: 'must be set if kafka.sasl.mechanism is set',
  },
  {
    between: ['kafka.tls.enabled', 'kafka.tls.caFile', 'kafka.tls.certFile', 'kafka.tls.keyFile'],
    isBroken: ({ kafka: { tls } }) =>
      !tls.enabled && [tls.caFile, tls.certFile, tls.keyFile].some((file) => file !== undefined),
    message: 'must be true if a certificate file is set',
  },
  {
    between: ['kafka.tls.keyFile', 'kafka.tls.certFile'],
    isBroken: ({ kafka: { tls } }) => (tls.certFile === undefined) !== (tls.keyFile === undefined),
    message: 'and kafka.tls.certFile must both be set, or neither',
  },
  {
    between: ['kafka.maxPartitionFetchBytes', 'kafka.maxFetchBytes'],
    isBroken: ({ kafka }) => kafka.maxPartitionFetchBytes > kafka.maxFetchBytes,
    message: 'must not be greater than kafka.maxFetchBytes',
  },
  {
    between: ['kafka.maxWaitMs', 'kafka.sessionTimeoutMs'],
    isBroken: ({ kafka }) => kafka.maxWaitMs > kafka.sessionTimeoutMs / 6,
    message:
      'must be at most a sixth of kafka.sessionTimeoutMs: no heartbeat is sent while a fetch waits',
  },
  {
    between: ['redis.userPrefix', 'redis.groupPrefix'],
    isBroken: ({ redis }) => redis.userPrefix === redis.groupPrefix,
    message: 'must differ from redis.groupPrefix: a user and a group could have the same key',
  },
]
