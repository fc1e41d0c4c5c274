/** A kafkajs client after our settings, which logs through our log. */
import type { Log } from '../../pipeline/ports.ts'
import {
  amendKafkajs,
  type ConsumerConfig,
  type Kafka,
  kafkajs,
  type LogEntry,
  type SASLOptions,
} from './kafkajs.ts'
import type { KafkaSettings } from './settings.ts'

/** @param onLogged told of every line of kafkajs' own, for what it says nowhere else */
export function createClient(
  settings: KafkaSettings,
  log: Log,
  onLogged: (entry: LogEntry) => void = () => {},
): Kafka {
  amendKafkajs(settings.maxBatchBytes)
  return new kafkajs.Kafka({
    brokers: [...settings.brokers],
    clientId: settings.clientId,
    ssl: typeof settings.tls === 'boolean' ? settings.tls : { ...settings.tls },
    ...(settings.sasl === null ? {} : { sasl: settings.sasl as SASLOptions }),
    connectionTimeout: settings.connectTimeoutMs,
    authenticationTimeout: settings.connectTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    // who waits for what is decided above: kafkajs gives up soon, and says so
    retry: { retries: 1, initialRetryTime: 200, maxRetryTime: 1000, multiplier: 2 },
    logLevel: kafkajs.logLevel.INFO,
    logCreator: () => (entry) => {
      onLogged(entry)
      logEntry(entry, log)
    },
  })
}

/** What every consumer of ours has in common; it is never restarted by kafkajs. */
export function consumerConfig(settings: KafkaSettings): ConsumerConfig {
  return {
    groupId: settings.groupId,
    sessionTimeout: settings.sessionTimeoutMs,
    heartbeatInterval: Math.max(1, Math.floor(settings.sessionTimeoutMs / 10)),
    maxWaitTimeInMs: settings.maxWaitMs,
    maxBytes: settings.maxFetchBytes,
    maxBytesPerPartition: settings.maxPartitionFetchBytes,
    allowAutoTopicCreation: false,
    // new partitions are found as soon as a member that is gone; by default it takes 5 minutes
    metadataMaxAge: settings.sessionTimeoutMs,
    // repeats a join while others join, and a fetch; of connections, see above
    retry: {
      retries: 5,
      initialRetryTime: 100,
      maxRetryTime: 1000,
      restartOnFailure: async () => false,
    },
  }
}

/**
 * kafkajs calls an error what it retries a moment later, and repeats it for as long as an
 * outage lasts; what is one is thrown, too, and told once by who catches it.
 */
function logEntry({ namespace, label, log: entry }: LogEntry, log: Log): void {
  const { message, error, broker, topic, partition } = entry
  const facts = { namespace, label, broker, topic, partition, error: errorText(error) }
  log.debug(facts, `kafkajs: ${message}`)
}

function errorText(error: unknown): string | undefined {
  return error instanceof Error ? error.message : typeof error === 'string' ? error : undefined
}
