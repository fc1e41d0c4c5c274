/** Topics, settings and clients whose names are unique to each test, so that tests do not meet. */
import { randomUUID } from 'node:crypto'
import { inject, onTestFinished } from 'vitest'
import type { KafkaRecord } from '../../../src/domain/record.ts'
import { kafkajs, type Message, type Transaction } from '../../../src/kafka/client/kafkajs.ts'
import type { KafkaSettings } from '../../../src/kafka/client/settings.ts'
import type { HandleBatch } from '../../../src/kafka/consumer/batch-handler.ts'
import {
  type ConsumerEvent,
  type RunningConsumer,
  startConsumer,
} from '../../../src/kafka/consumer/consumer.ts'
import { type LogLine, recordLog } from '../logs.ts'
import { makeTopicOf, plainClient, withAdmin } from './admin.ts'

export { plainClient, withAdmin } from './admin.ts'

export function settingsFor(brokers: readonly string[] = inject('kafkaBrokers')): KafkaSettings {
  const topic = `kafka-test-${randomUUID().slice(0, 8)}`
  return {
    brokers,
    clientId: 'group-traits-test',
    topic,
    groupId: `${topic}.group`,
    deadLetterTopic: `${topic}.dead-letters`,
    tls: false,
    sasl: null,
    connectTimeoutMs: 3000,
    requestTimeoutMs: 5000,
    sessionTimeoutMs: 10_000,
    maxWaitMs: 100,
    maxFetchBytes: 8 * 1024 * 1024,
    maxPartitionFetchBytes: 4 * 1024 * 1024,
    maxBatchBytes: 64 * 1024 * 1024,
    concurrentPartitions: 4,
  }
}

/** Creates the topic of the settings, or another one. */
export async function makeTopic(
  settings: KafkaSettings,
  numPartitions = 1,
  config: Record<string, string> = {},
  topic = settings.topic,
): Promise<void> {
  await makeTopicOf(settings, topic, numPartitions, config)
}

export async function produce(
  settings: KafkaSettings,
  messages: Message[],
  compression = kafkajs.CompressionTypes.None,
): Promise<void> {
  const producer = plainClient(settings).producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  })
  await producer.connect()
  try {
    await producer.send({ topic: settings.topic, messages, compression })
  } finally {
    await producer.disconnect()
  }
}

/** Begins a transaction on each of that many producers, which disconnect with the test. */
export async function beginTransactions(
  settings: KafkaSettings,
  count: number,
): Promise<Transaction[]> {
  const client = plainClient(settings)
  const producers = Array.from({ length: count }, (_, index) =>
    client.producer({
      transactionalId: `${settings.topic}-${index}`,
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    }),
  )
  onTestFinished(async () => {
    await Promise.all(producers.map((producer) => producer.disconnect()))
  })
  await Promise.all(producers.map((producer) => producer.connect()))
  return await Promise.all(producers.map((producer) => producer.transaction()))
}

export interface ConsumerUnderTest {
  readonly consumer: RunningConsumer
  readonly records: readonly (KafkaRecord & { readonly partition: number })[]
  readonly values: () => (string | undefined)[]
  readonly lines: readonly LogLine[]
  readonly events: readonly ConsumerEvent[]
}

/** Starts our consumer, which keeps and commits what it reads and stops with the test. */
export function consume(settings: KafkaSettings, before?: HandleBatch): ConsumerUnderTest {
  const log = recordLog()
  const events: ConsumerEvent[] = []
  const records: (KafkaRecord & { partition: number })[] = []
  const consumer = startConsumer({
    settings,
    log,
    onEvent: (event) => events.push(event),
    handle: async (batch, context) => {
      await before?.(batch, context)
      await context.commit(batch.nextOffset)
      const { partition } = batch
      for (const { offset, timestamp, key, value, headers } of batch.records) {
        records.push({ offset, timestamp, key, value, headers, partition })
      }
    },
  })
  onTestFinished(() => consumer.stop(5000))
  const values = () => records.map(({ value }) => value?.toString())
  return { consumer, records, values, lines: log.lines, events }
}

/** Partition -> committed offset of the consumer group. */
export async function committed(settings: KafkaSettings): Promise<Record<number, string>> {
  const { groupId, topic } = settings
  const [offsets] = await withAdmin(settings, (admin) =>
    admin.fetchOffsets({ groupId, topics: [topic] }),
  )
  return Object.fromEntries(
    offsets?.partitions.map(({ partition, offset }) => [partition, offset]) ?? [],
  )
}
