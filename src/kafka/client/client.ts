/** Creates kafkajs clients from our settings. They log through our log. */
import type { Log } from '../../pipeline/ports.ts'
import { type ConsumerListeners, setHooks } from '../amendments/client-hooks.ts'
import { fetchLimits } from '../wire/fetch-response.ts'
import {
  amendKafkajs,
  type ConsumerConfig,
  type Kafka,
  kafkajs,
  type LogEntry,
  type SASLOptions,
} from './kafkajs.ts'
import type { KafkaSettings } from './settings.ts'

/**
 * @param listeners called by the consumers of this client, for what kafkajs has no event for
 * @throws NotRetriable if another kafkajs is installed than the amendments were written for
 */
export function createClient(
  settings: KafkaSettings,
  log: Log,
  listeners: ConsumerListeners = {},
): Kafka {
  amendKafkajs()
  const client = new kafkajs.Kafka({
    brokers: [...settings.brokers],
    clientId: settings.clientId,
    ssl: typeof settings.tls === 'boolean' ? settings.tls : { ...settings.tls },
    ...(settings.sasl === null ? {} : { sasl: settings.sasl as SASLOptions }),
    connectionTimeout: settings.connectTimeoutMs,
    authenticationTimeout: settings.connectTimeoutMs,
    requestTimeout: settings.requestTimeoutMs,
    // our callers decide how long to retry: kafkajs gives up soon and throws
    retry: { retries: 1, initialRetryTime: 200, maxRetryTime: 1000, multiplier: 2 },
    logLevel: kafkajs.logLevel.INFO,
    logCreator: () => (entry) => logEntry(entry, log),
  })
  setHooks(client, { ...listeners, fetchLimits: fetchLimits(settings.maxBatchBytes) })
  return client
}

/** What all our consumers have in common. kafkajs never restarts them. */
export function consumerConfig(settings: KafkaSettings): ConsumerConfig {
  return {
    groupId: settings.groupId,
    sessionTimeout: settings.sessionTimeoutMs,
    heartbeatInterval: Math.max(1, Math.floor(settings.sessionTimeoutMs / 10)),
    maxWaitTimeInMs: settings.maxWaitMs,
    maxBytes: settings.maxFetchBytes,
    maxBytesPerPartition: settings.maxPartitionFetchBytes,
    allowAutoTopicCreation: false,
    // new partitions are found as soon as a member that is gone; the default is 5 minutes
    metadataMaxAge: settings.sessionTimeoutMs,
    // of joining while others join, and of fetching; for connections see createClient
    retry: {
      retries: 5,
      initialRetryTime: 100,
      maxRetryTime: 1000,
      restartOnFailure: async () => false,
    },
  }
}

/**
 * Logs at debug, whatever the level of kafkajs. It logs as errors what it retries a moment later,
 * again and again during an outage. Real failures are thrown as well: whoever catches one logs it
 * once.
 */
function logEntry({ namespace, label, log: entry }: LogEntry, log: Log): void {
  const { message, error, broker, topic, partition } = entry
  const facts = { namespace, label, broker, topic, partition, error: errorText(error) }
  log.debug(facts, `kafkajs: ${message}`)
}

function errorText(error: unknown): string | undefined {
  return error instanceof Error ? error.message : typeof error === 'string' ? error : undefined
}
