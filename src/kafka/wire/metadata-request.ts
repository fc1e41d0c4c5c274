/**
 * Metadata in version 10, the first that tells the ids of topics (KIP-516, Kafka 2.8); kafkajs
 * stops at 6. From 9 on, lengths are varints of one more, and everything ends in tagged fields.
 */
import { ByteReader } from './byte-reader.ts'

export const METADATA_VERSION = 10

/** As kafkajs has it, but with the id of its topic at each partition, which it hands on whole. */
export interface PartitionMetadata {
  /** As Kafka's own tools print it; undefined where the brokers give topics none. */
  readonly topicId: string | undefined
  readonly partitionErrorCode: number
  readonly partitionId: number
  readonly leader: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly offlineReplicas: readonly number[]
}

/** @param topics none: all of them */
export function encodeMetadataRequest(
  topics: readonly string[],
  allowAutoTopicCreation: boolean,
): Buffer {
  const wanted = topics.flatMap((topic) => {
    const name = Buffer.from(topic)
    return [NO_ID, uvarint(name.length + 1), name, NO_TAGS]
  })
  return Buffer.concat([
    NO_TAGS, // of the header
    uvarint(topics.length === 0 ? 0 : topics.length + 1),
    ...wanted,
    Buffer.from([Number(allowAutoTopicCreation), 0, 0]), // rights are not asked for
    NO_TAGS,
  ])
}

export function decodeMetadataResponse(bytes: Buffer) {
  const reader = new ByteReader(bytes)
  skipTags(reader) // of the header
  return {
    throttleTime: 0,
    clientSideThrottleTime: reader.int32(),
    brokers: array(reader, brokerOf),
    clusterId: text(reader),
    controllerId: reader.int32(),
    topicMetadata: array(reader, topicOf),
  }
}

/**
 * Returns the id of a topic.
 *
 * @param partitions of the topic, as kafkajs passes them on from a decoded response
 * @returns undefined where the brokers assign no topic ids, or there is no such topic
 */
export function topicIdOf(partitions: readonly object[] | undefined): string | undefined {
  const [first] = (partitions ?? []) as readonly Partial<PartitionMetadata>[]
  return first?.topicId
}

const NO_TAGS = Buffer.alloc(1)
const NO_ID = Buffer.alloc(16)

function brokerOf(reader: ByteReader) {
  const broker = {
    nodeId: reader.int32(),
    host: text(reader),
    port: reader.int32(),
    rack: text(reader),
  }
  skipTags(reader)
  return broker
}

function topicOf(reader: ByteReader) {
  const topicErrorCode = reader.int16()
  const topic = text(reader)
  const topicId = idOf(reader)
  const isInternal = reader.slice(1)?.[0] === 1
  const partitionMetadata = array(reader, () => partitionOf(reader, topicId))
  reader.int32() // the rights that were not asked for
  skipTags(reader)
  return { topicErrorCode, topic, isInternal, partitionMetadata }
}

function partitionOf(reader: ByteReader, topicId: string | undefined): PartitionMetadata {
  const partitionErrorCode = reader.int16()
  const partitionId = reader.int32()
  const leader = reader.int32()
  reader.int32() // the epoch of the leader
  const [replicas = [], isr = [], offlineReplicas = []] = [1, 2, 3].map(() =>
    array(reader, () => reader.int32()),
  )
  skipTags(reader)
  return { topicId, partitionErrorCode, partitionId, leader, replicas, isr, offlineReplicas }
}

function idOf(reader: ByteReader): string | undefined {
  const id = reader.slice(NO_ID.length)
  return id === null || id.equals(NO_ID) ? undefined : id.toString('base64url')
}

function text(reader: ByteReader): string | null {
  return reader.slice(reader.uvarint() - 1)?.toString() ?? null
}

function array<Item>(reader: ByteReader, item: (reader: ByteReader) => Item): Item[] {
  const items: Item[] = []
  for (let left = reader.uvarint() - 1; left > 0; left--) items.push(item(reader))
  return items
}

function skipTags(reader: ByteReader): void {
  for (let left = reader.uvarint(); left > 0; left--) {
    reader.uvarint()
    reader.slice(reader.uvarint())
  }
}

function uvarint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  return Buffer.from([...bytes, rest])
}
