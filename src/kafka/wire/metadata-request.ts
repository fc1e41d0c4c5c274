/**
 * Writes metadata requests and reads their responses in version 10, the first with topic ids
 * (KIP-516, Kafka 2.8). kafkajs stops at version 6.
 *
 *     Request   = tags                               the end of the request header
 *                 array(topicId byte[16], name string, tags)      no array: all topics
 *                 allowAutoTopicCreation              int8
 *                 includeClusterAuthorizedOperations  int8
 *                 includeTopicAuthorizedOperations    int8
 *                 tags
 *     Response  = tags                               the end of the response header
 *                 throttleTimeMs int32
 *                 array(Broker)
 *                 clusterId      string
 *                 controllerId   int32
 *                 array(Topic)
 *                 clusterAuthorizedOperations int32, tags         not read
 *     Broker    = nodeId int32, host string, port int32, rack string, tags
 *     Topic     = errorCode int16, name string, topicId byte[16], isInternal int8,
 *                 array(Partition), topicAuthorizedOperations int32, tags
 *     Partition = errorCode int16, partitionIndex int32, leaderId int32, leaderEpoch int32,
 *                 replicaNodes array(int32), isrNodes array(int32),
 *                 offlineReplicas array(int32), tags
 *
 * These are the compact types of KIP-482: string is its length + 1 as a uvarint, then UTF-8, and
 * a length of 0 for null; array is its count + 1 as a uvarint, then the items, and 0 for none; tags
 * is a count, then that many fields, each with its tag, its size and its bytes.
 */
import { ByteReader } from './byte-reader.ts'

export const METADATA_VERSION = 10

/** A partition as kafkajs knows it and passes it on, with the id of its topic besides. */
export interface PartitionMetadata {
  /** As Kafka's own tools print it. Undefined if the brokers assign no topic ids. */
  readonly topicId: string | undefined
  readonly partitionErrorCode: number
  readonly partitionId: number
  readonly leader: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly offlineReplicas: readonly number[]
}

/** @param topics an empty list asks for all topics */
export function encodeMetadataRequest(
  topics: readonly string[],
  allowAutoTopicCreation: boolean,
): Buffer {
  const wanted = topics.flatMap((topic) => {
    const name = Buffer.from(topic)
    return [NO_TOPIC_ID, uvarint(name.length + 1), name, NO_TAGS]
  })
  const authorizedOperations = [0, 0]
  return Buffer.concat([
    NO_TAGS,
    uvarint(topics.length === 0 ? 0 : topics.length + 1),
    ...wanted,
    Buffer.from([Number(allowAutoTopicCreation), ...authorizedOperations]),
    NO_TAGS,
  ])
}

/** @throws RangeError if the bytes end too early */
export function decodeMetadataResponse(bytes: Buffer) {
  const reader = new ByteReader(bytes)
  skipTags(reader)
  return {
    throttleTime: 0,
    // the broker answers at once, and the client is to wait (KIP-219)
    clientSideThrottleTime: reader.int32(),
    brokers: readArray(reader, readBroker),
    clusterId: readString(reader),
    controllerId: reader.int32(),
    topicMetadata: readArray(reader, readTopic),
  }
}

/**
 * Returns the id of a topic.
 *
 * @param partitions of the topic, as kafkajs passes them on from a decoded response
 * @returns undefined if the brokers assign no topic ids, or there is no such topic
 */
export function topicIdOf(partitions: readonly object[] | undefined): string | undefined {
  const [first] = (partitions ?? []) as readonly Partial<PartitionMetadata>[]
  return first?.topicId
}

const NO_TAGS = Buffer.alloc(1)
const TOPIC_ID_BYTES = 16
const NO_TOPIC_ID = Buffer.alloc(TOPIC_ID_BYTES)

function readBroker(reader: ByteReader) {
  const broker = {
    nodeId: reader.int32(),
    host: readString(reader),
    port: reader.int32(),
    rack: readString(reader),
  }
  skipTags(reader)
  return broker
}

function readTopic(reader: ByteReader) {
  const topicErrorCode = reader.int16()
  const topic = readString(reader)
  const topicId = readTopicId(reader)
  const isInternal = reader.slice(1)?.[0] === 1
  const partitionMetadata = readArray(reader, () => readPartition(reader, topicId))
  reader.int32() // topicAuthorizedOperations
  skipTags(reader)
  return { topicErrorCode, topic, isInternal, partitionMetadata }
}

function readPartition(reader: ByteReader, topicId: string | undefined): PartitionMetadata {
  const readInt32 = () => reader.int32()
  const partitionErrorCode = reader.int16()
  const partitionId = reader.int32()
  const leader = reader.int32()
  reader.int32() // leaderEpoch
  const replicas = readArray(reader, readInt32)
  const isr = readArray(reader, readInt32)
  const offlineReplicas = readArray(reader, readInt32)
  skipTags(reader)
  return { topicId, partitionErrorCode, partitionId, leader, replicas, isr, offlineReplicas }
}

function readTopicId(reader: ByteReader): string | undefined {
  const topicId = reader.slice(TOPIC_ID_BYTES)
  if (topicId === null || topicId.equals(NO_TOPIC_ID)) return undefined
  return topicId.toString('base64url')
}

function readString(reader: ByteReader): string | null {
  return reader.slice(reader.uvarint() - 1)?.toString() ?? null
}

function readArray<Item>(reader: ByteReader, readItem: (reader: ByteReader) => Item): Item[] {
  const items: Item[] = []
  for (let left = reader.uvarint() - 1; left > 0; left--) items.push(readItem(reader))
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
