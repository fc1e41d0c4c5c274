/**
 * The worker that anybody would write first, to compare with: for each message one HGET of
 * the group's time and, where the event is later, one HSET of its traits. It has no dead
 * letters, compares whole events instead of traits, and knows no members.
 */
import { Redis } from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'

const {
  KAFKA_BROKERS = '',
  KAFKA_TOPIC = '',
  KAFKA_GROUP_ID = '',
  REDIS_URL = '',
  REDIS_GROUP_PREFIX = '',
} = process.env

interface Event {
  readonly group_id?: string
  readonly traits: Record<string, unknown>
  readonly timestamp: string
}

const redis = new Redis(REDIS_URL)
const kafka = new Kafka({ brokers: KAFKA_BROKERS.split(','), logLevel: logLevel.ERROR })
const consumer = kafka.consumer({ groupId: KAFKA_GROUP_ID })

process.once('SIGTERM', async () => {
  await consumer.disconnect()
  redis.disconnect()
})

await consumer.connect()
await consumer.subscribe({ topic: KAFKA_TOPIC, fromBeginning: true })
await consumer.run({
  eachMessage: async ({ message }) => {
    const event = parse(message.value)
    const time = Date.parse(event?.timestamp ?? '')
    if (event?.group_id === undefined || Number.isNaN(time)) return
    const key = `${REDIS_GROUP_PREFIX}{${event.group_id}}`
    if (Number(await redis.hget(key, 'updated_at')) >= time) return
    await redis.hset(key, { ...asTexts(event.traits), updated_at: time })
  },
})

function parse(value: Buffer | null): Event | undefined {
  try {
    return JSON.parse(String(value))
  } catch {
    return undefined // not an event: passed over
  }
}

function asTexts(traits: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(traits).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  )
}
