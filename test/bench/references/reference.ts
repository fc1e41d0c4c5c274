/** What the reference workers, which ours is compared with, have in common. */
import { Redis } from 'ioredis'
import { type Consumer, Kafka, logLevel } from 'kafkajs'

interface ReferenceEvent {
  readonly groupId: string
  readonly time: number
  readonly traits: Readonly<Record<string, unknown>>
}

interface Reference {
  /** Already subscribed to the topic. */
  readonly consumer: Consumer
  readonly redis: Redis
  keyOf(event: ReferenceEvent): string
}

/** Connects to the servers that the environment names; SIGTERM disconnects. */
export async function openReference(): Promise<Reference> {
  const { REDIS_URL = '', REDIS_GROUP_PREFIX = '' } = process.env
  const redis = new Redis(REDIS_URL)
  const consumer = await openConsumer(() => redis.disconnect())
  return { consumer, redis, keyOf: ({ groupId }) => `${REDIS_GROUP_PREFIX}{${groupId}}` }
}

/** How long a fetch, and therefore a stop, waits if there are no records; the default is 5 s. */
const MAX_WAIT_MS = 250

/** Connects a consumer with the defaults of kafkajs, except that it stops quickly. */
export async function openConsumer(onEnd: () => void = () => {}): Promise<Consumer> {
  const { KAFKA_BROKERS = '', KAFKA_TOPIC = '', KAFKA_GROUP_ID = '' } = process.env
  const kafka = new Kafka({ brokers: KAFKA_BROKERS.split(','), logLevel: logLevel.ERROR })
  const consumer = kafka.consumer({ groupId: KAFKA_GROUP_ID, maxWaitTimeInMs: MAX_WAIT_MS })
  process.once('SIGTERM', async () => {
    await consumer.disconnect()
    onEnd()
  })
  await consumer.connect()
  await consumer.subscribe({ topic: KAFKA_TOPIC, fromBeginning: true })
  return consumer
}

/** Returns undefined if the value is not an event; such records are skipped. */
export function parseEvent(value: Buffer | null): ReferenceEvent | undefined {
  try {
    const { group_id: groupId, timestamp, traits } = JSON.parse(String(value))
    const time = Date.parse(timestamp)
    return groupId === undefined || Number.isNaN(time) ? undefined : { groupId, time, traits }
  } catch {
    return undefined // not JSON
  }
}

/** The fields for a plain HSET: the time as `updated_at`, and each trait as text. */
export function asFields({ traits, time }: ReferenceEvent): Record<string, string | number> {
  const fields: Record<string, string | number> = { updated_at: time }
  for (const [name, value] of Object.entries(traits)) {
    fields[name] = typeof value === 'string' ? value : JSON.stringify(value)
  }
  return fields
}
