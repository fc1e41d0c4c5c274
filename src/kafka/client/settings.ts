/** The settings of all that talks to Kafka. Certificates and keys are PEM texts, not paths. */
export interface KafkaSettings {
  /** `host:port` of the bootstrap brokers. The other brokers are found through them. */
  readonly brokers: readonly string[]
  readonly clientId: string
  readonly topic: string
  readonly groupId: string
  readonly deadLetterTopic: string
  readonly tls: boolean | TlsSettings
  readonly sasl: SaslSettings | null
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly sessionTimeoutMs: number
  /** How long a fetch waits for new records. A stop waits for the fetch, so it may take as long. */
  readonly maxWaitMs: number
  /** The most that one fetch returns, in bytes on the wire. */
  readonly maxFetchBytes: number
  /** The same, for one partition. */
  readonly maxPartitionFetchBytes: number
  /** The most that one batch may take in memory, inflated. */
  readonly maxBatchBytes: number
  /** How many batches are processed at once. One more may be in flight, decoded ahead. */
  readonly concurrentPartitions: number
}

export interface TlsSettings {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly rejectUnauthorized?: boolean
}

export interface SaslSettings {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
  readonly username: string
  readonly password: string
}
