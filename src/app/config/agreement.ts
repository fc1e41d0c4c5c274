import type { Settings } from './config.ts'

/** Settings that must agree with each other, each of them right by itself. */
export interface Agreement {
  /** Names of the settings; the first is the one to complain of. */
  readonly between: readonly [string, ...string[]]
  isBroken(settings: Settings): boolean
  readonly message: string
}

export const agreements: readonly Agreement[] = [
  {
    between: ['kafka.deadLetterTopic', 'kafka.topic'],
    isBroken: ({ kafka }) => kafka.deadLetterTopic === kafka.topic,
    message: 'must not be kafka.topic itself: every dead letter would be read as an event again',
  },
  {
    between: ['kafka.sasl.mechanism', 'kafka.sasl.username', 'kafka.sasl.password'],
    isBroken: ({ kafka: { sasl } }) =>
      sasl.mechanism === undefined && (sasl.username !== undefined || sasl.password !== undefined),
    message: 'must be set where kafka.sasl.username or kafka.sasl.password is',
  },
  {
    between: ['kafka.sasl.username', 'kafka.sasl.mechanism'],
    isBroken: ({ kafka: { sasl } }) => sasl.mechanism !== undefined && sasl.username === undefined,
    message: 'must be set where kafka.sasl.mechanism is',
  },
  {
    between: ['kafka.sasl.password', 'kafka.sasl.mechanism'],
    isBroken: ({ kafka: { sasl } }) => sasl.mechanism !== undefined && sasl.password === undefined,
    message: 'must be set where kafka.sasl.mechanism is',
  },
  {
    between: ['kafka.tls.enabled', 'kafka.tls.caFile', 'kafka.tls.certFile', 'kafka.tls.keyFile'],
    isBroken: ({ kafka: { tls } }) =>
      !tls.enabled && [tls.caFile, tls.certFile, tls.keyFile].some((file) => file !== undefined),
    message: 'must be true where a certificate file is set',
  },
  {
    between: ['kafka.tls.keyFile', 'kafka.tls.certFile'],
    isBroken: ({ kafka: { tls } }) => (tls.certFile === undefined) !== (tls.keyFile === undefined),
    message: 'and kafka.tls.certFile belong together: set both or neither',
  },
  {
    between: ['kafka.maxPartitionFetchBytes', 'kafka.maxFetchBytes'],
    isBroken: ({ kafka }) => kafka.maxPartitionFetchBytes > kafka.maxFetchBytes,
    message: 'must not be over kafka.maxFetchBytes',
  },
  {
    between: ['kafka.maxWaitMs', 'kafka.sessionTimeoutMs'],
    isBroken: ({ kafka }) => kafka.maxWaitMs > kafka.sessionTimeoutMs / 6,
    message:
      'must be at most a sixth of kafka.sessionTimeoutMs: while a fetch waits, no heartbeat is sent',
  },
  {
    between: ['redis.userPrefix', 'redis.groupPrefix'],
    isBroken: ({ redis }) => redis.userPrefix === redis.groupPrefix,
    message: 'must differ from redis.groupPrefix: the keys of a user could be those of a group',
  },
]
