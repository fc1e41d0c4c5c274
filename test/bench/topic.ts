import { setTimeout as delay } from 'node:timers/promises'
import kafkajs, { type Admin } from 'kafkajs'
import { generateEvents } from './generator.ts'
import type { Servers } from './servers.ts'

/** Stays under what a broker takes in one batch of a partition: 1 MB. */
const PRODUCE_AT_ONCE = 2000

/** Makes a topic and writes generated events into it, keyed by group. */
export async function fillTopic(
  { admin, connectProducer }: Servers,
  topic: string,
  partitions: number,
  events: { readonly count: number; readonly seed: number },
  onProgress: (written: number) => void,
): Promise<void> {
  await createTopic(admin, topic, partitions)
  const producer = await connectProducer()
  let messages: { key: string; value: string }[] = []
  let written = 0
  const flush = async () => {
    await producer.send({ topic, messages, acks: 1 })
    written += messages.length
    messages = []
    onProgress(written)
  }
  for (const { groupId, value } of generateEvents(events.count, events.seed)) {
    messages.push({ key: groupId, value })
    if (messages.length === PRODUCE_AT_ONCE) await flush()
  }
  if (messages.length > 0) await flush()
  await producer.disconnect()
}

/** Makes a topic; resolves once every partition answers. */
export async function createTopic(admin: Admin, topic: string, partitions: number): Promise<void> {
  await admin.createTopics({
    topics: [{ topic, numPartitions: partitions }],
    waitForLeaders: false,
  })
  for (const deadline = performance.now() + 30_000; ; await delay(100)) {
    try {
      await admin.fetchTopicOffsets(topic)
      return
    } catch (error) {
      // brokers learn of a topic one after the other
      if (!isRetriable(error) || performance.now() > deadline) throw error
    }
  }
}

/** Records of the topic that a consumer group has committed, all partitions together. */
export async function committedRecords(
  admin: Admin,
  groupId: string,
  topic: string,
): Promise<number> {
  try {
    const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] })
    const offsets = (committed?.partitions ?? []).map(({ offset }) => Math.max(0, Number(offset)))
    return offsets.reduce((sum, offset) => sum + offset, 0)
  } catch (error) {
    // the coordinator of a new group takes a moment: nothing is committed by then
    if (isRetriable(error)) return 0
    throw error
  }
}

function isRetriable(error: unknown): boolean {
  return error instanceof kafkajs.KafkaJSError && error.retriable
}

/** Removes the topic and what a worker makes beside it. */
export async function removeTopic(admin: Admin, topic: string): Promise<void> {
  const existing = await admin.listTopics()
  const topics = existing.filter((name) => name === topic || name === `${topic}.dead-letters`)
  if (topics.length > 0) await admin.deleteTopics({ topics })
}
