/** Plain kafkajs clients, and what they do to a broker. Usable without vitest. */
import { type Admin, amendKafkajs, kafkajs } from '../../../src/kafka/client/kafkajs.ts'
import type { KafkaSettings } from '../../../src/kafka/client/settings.ts'
import { createTopic } from '../../../src/kafka/topics/topic-facts.ts'
import { until } from '../waiting.ts'

// without this, the clients fill stderr with warnings
amendKafkajs()

type Brokers = Pick<KafkaSettings, 'brokers'>

export function plainClient({ brokers }: Brokers) {
  return new kafkajs.Kafka({
    brokers: [...brokers],
    clientId: 'test',
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 10, initialRetryTime: 100 },
  })
}

export async function withAdmin<Result>(
  settings: Brokers,
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

/** Creates a topic and waits until its partitions have leaders. */
export async function makeTopicOf(
  settings: Brokers,
  topic: string,
  numPartitions: number,
  config: Record<string, string> = {},
): Promise<void> {
  await withAdmin(settings, async (admin) => {
    await createTopic(admin, topic, numPartitions, config)
    await until('its partitions have leaders', () => admin.fetchTopicOffsets(topic))
  })
}
