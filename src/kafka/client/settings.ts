/** What the Kafka side needs to know. PEM texts, not paths; times in milliseconds. */
export interface KafkaSettings {
  /** `host:port`, to begin with; the others are learnt from them. */
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
  /** How long a fetch waits for new records; a stop may take as long. */
  readonly maxWaitMs: number
  /** What one fetch may bring, as it is on the wire. */
  readonly maxFetchBytes: number
  readonly maxPartitionFetchBytes: number
  /** What one batch may become in memory. */
  readonly maxBatchBytes: number
  /** How many batches are worked on at once; one more may be in hand, decoded ahead. */
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
