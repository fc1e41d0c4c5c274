import type { Settings } from './config.ts'

/** A rule for several settings, each of which is valid by itself. */
export interface Constraint {
  /** The names of the settings. An error names the first one. */
  readonly settings: readonly [string, ...string[]]
  isViolated(values: Settings): boolean
  readonly message: string
}

export const constraints: readonly Constraint[] = [
  {
    settings: ['kafka.deadLetterTopic', 'kafka.topic'],
    isViolated: ({ kafka }) => kafka.deadLetterTopic === kafka.topic,
    message: 'must not be the same as kafka.topic: every dead letter would be read as an event',
  },
  {
    settings: ['kafka.sasl.mechanism', 'kafka.sasl.username', 'kafka.sasl.password'],
    isViolated: ({ kafka: { sasl } }) =>
      sasl.mechanism === undefined && (sasl.username !== undefined || sasl.password !== undefined),
    message: 'must be set if kafka.sasl.username or kafka.sasl.password is set',
  },
  {
    settings: ['kafka.sasl.username', 'kafka.sasl.mechanism'],
    isViolated: ({ kafka: { sasl } }) =>
      sasl.mechanism !== undefined && sasl.username === undefined,
    message: 'must be set if kafka.sasl.mechanism is set',
  },
  {
    settings: ['kafka.sasl.password', 'kafka.sasl.mechanism'],
    isViolated: ({ kafka: { sasl } }) =>
      sasl.mechanism !== undefined && sasl.password === undefined,
    message: 'must be set if kafka.sasl.mechanism is set',
  },
  {
    settings: ['kafka.tls.enabled', 'kafka.tls.caFile', 'kafka.tls.certFile', 'kafka.tls.keyFile'],
    isViolated: ({ kafka: { tls } }) =>
      !tls.enabled && [tls.caFile, tls.certFile, tls.keyFile].some((file) => file !== undefined),
    message: 'must be true if a certificate file is set',
  },
  {
    settings: ['kafka.tls.keyFile', 'kafka.tls.certFile'],
    isViolated: ({ kafka: { tls } }) =>
      (tls.certFile === undefined) !== (tls.keyFile === undefined),
    message: 'and kafka.tls.certFile must both be set, or neither',
  },
  {
    settings: ['kafka.maxPartitionFetchBytes', 'kafka.maxFetchBytes'],
    isViolated: ({ kafka }) => kafka.maxPartitionFetchBytes > kafka.maxFetchBytes,
    message: 'must not be greater than kafka.maxFetchBytes',
  },
  {
    settings: ['kafka.maxWaitMs', 'kafka.sessionTimeoutMs'],
    isViolated: ({ kafka }) => kafka.maxWaitMs > kafka.sessionTimeoutMs / 6,
    message:
      'must be at most a sixth of kafka.sessionTimeoutMs: no heartbeat is sent while a fetch waits',
  },
  {
    settings: ['redis.userPrefix', 'redis.groupPrefix'],
    isViolated: ({ redis }) => redis.userPrefix === redis.groupPrefix,
    message: 'must differ from redis.groupPrefix: a user and a group could have the same key',
  },
]
