/** A Kafka of the tests' own making: topics, settings and clients that get out of each other's way. */
import { randomUUID } from 'node:crypto'
import { inject, onTestFinished } from 'vitest'
import type { KafkaRecord } from '../../../src/domain/record.ts'
import {
  type Admin,
  amendKafkajs,
  kafkajs,
  type Message,
  type Transaction,
} from '../../../src/kafka/client/kafkajs.ts'
import type { KafkaSettings } from '../../../src/kafka/client/settings.ts'
import type { HandleBatch } from '../../../src/kafka/consumer/batch-handler.ts'
import {
  type ConsumerEvent,
  type RunningConsumer,
  startConsumer,
} from '../../../src/kafka/consumer/consumer.ts'
import { createTopic } from '../../../src/kafka/topics/topic-facts.ts'
import { type LogLine, recordLog } from '../../setup/logs.ts'
import { until } from '../../setup/waiting.ts'

amendKafkajs()

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

export function plainClient({ brokers }: Pick<KafkaSettings, 'brokers'>) {
  return new kafkajs.Kafka({
    brokers: [...brokers],
    clientId: 'test',
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 10, initialRetryTime: 100 },
  })
}

export async function withAdmin<Result>(
  settings: Pick<KafkaSettings, 'brokers'>,
  work: (admin: Admin) => Promise<Result>,
): Promise<Result> {
  const admin = plainClient(settings).admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

/** Makes the topic of the settings, or another one. */
export async function makeTopic(
  settings: KafkaSettings,
  numPartitions = 1,
  config: Record<string, string> = {},
  topic = settings.topic,
): Promise<void> {
  await withAdmin(settings, async (admin) => {
    await createTopic(admin, topic, numPartitions, config)
    await until('its partitions have leaders', () => admin.fetchTopicOffsets(topic))
  })
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

/** Transactions of so many producers, which are disconnected with the test. */
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

/** A consumer that keeps and commits what it reads; stopped with the test. */
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

export async function committed(settings: KafkaSettings): Promise<Record<number, string>> {
  const { groupId, topic } = settings
  const [offsets] = await withAdmin(settings, (admin) =>
    admin.fetchOffsets({ groupId, topics: [topic] }),
  )
  return Object.fromEntries(
    offsets?.partitions.map(({ partition, offset }) => [partition, offset]) ?? [],
  )
}
