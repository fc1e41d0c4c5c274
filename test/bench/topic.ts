import { setTimeout as delay } from 'node:timers/promises'
import kafkajs, { type Admin } from 'kafkajs'
import { type Compression, compressionId } from './compression.ts'
import { generateEvents, type Workload } from './generator.ts'
import type { Servers } from './servers.ts'

/** The content of a topic. */
export interface TopicContent {
  readonly workload: Workload
  readonly count: number
  readonly seed: number
  readonly partitions: number
  readonly compression: Compression
}

export interface FilledTopic {
  readonly topic: string
  readonly records: number
  /** The number of groups that have valid events. */
  readonly groups: number
  readonly invalid: number
}

/** Limits of one request; a broker accepts 1 MB in one batch of a partition. */
const MAX_MESSAGES = 2000
const MAX_BYTES = 900_000

/** Creates a topic and fills it with generated events, keyed by group. */
export async function fillTopic(
  { admin, connectProducer, signal }: Servers,
  topic: string,
  { workload, count, seed, partitions, compression }: TopicContent,
  onProgress: (written: number) => void,
): Promise<FilledTopic> {
  await createTopic(admin, topic, partitions)
  const producer = await connectProducer()
  const codec = compressionId(compression)
  const groups = new Set<number>()
  let messages: { key: string; value: string }[] = []
  let waitingBytes = 0
  let [records, invalid] = [0, 0]
  let sending: Promise<unknown> = Promise.resolve()
  // the next events are generated while these are being sent
  const send = async () => {
    await sending
    signal.throwIfAborted()
    onProgress(records)
    sending = producer.send({ topic, messages, acks: 1, compression: codec })
    messages = []
    waitingBytes = 0
  }
  try {
    for (const { group, groupId, value, valid } of generateEvents(count, seed, workload)) {
      if (messages.length === MAX_MESSAGES || waitingBytes + value.length > MAX_BYTES) await send()
      messages.push({ key: groupId, value })
      waitingBytes += value.length
      records += 1
      if (valid) groups.add(group)
      else invalid += 1
    }
    await send()
    await sending
  } finally {
    await producer.disconnect()
  }
  return { topic, records, groups: groups.size, invalid }
}

/** Creates a topic; resolves once every partition has a leader that answers. */
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
      // not every broker knows a new topic at once
      if (!isRetriable(error) || performance.now() > deadline) throw error
    }
  }
}

/** Returns how many records of the topic the group has committed, in all partitions together. */
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
    // a new group has no coordinator yet, so nothing is committed
    if (isRetriable(error)) return 0
    throw error
  }
}

/** Counts the records of a topic. */
export async function countRecords(admin: Admin, topic: string): Promise<number> {
  const partitions = await admin.fetchTopicOffsets(topic)
  return partitions.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0)
}

/** Removes all topics and consumer groups whose names contain the text. */
export async function removeFromKafka(admin: Admin, text: string): Promise<void> {
  const topics = (await admin.listTopics()).filter((name) => name.includes(text))
  if (topics.length > 0) await admin.deleteTopics({ topics })
  const { groups } = await admin.listGroups()
  const groupIds = groups.map(({ groupId }) => groupId).filter((id) => id.includes(text))
  if (groupIds.length > 0) await admin.deleteGroups(groupIds)
}

function isRetriable(error: unknown): boolean {
  return error instanceof kafkajs.KafkaJSError && error.retriable
}
