/**
 * Reads fetch responses, versions 4 to 11, into what kafkajs' consumer goes on with:
 *
 *     FetchResponse      = throttleTimeMs int32
 *                          [errorCode int16, sessionId int32]     from version 7 on
 *                          topicsCount int32, Topic*
 *     Topic              = nameLength int16, name, partitionsCount int32, Partition*
 *     Partition          = partitionIndex        int32
 *                          errorCode             int16
 *                          highWatermark         int64
 *                          lastStableOffset      int64
 *                          [logStartOffset       int64]           from version 5 on
 *                          abortedTransactionsCount int32, AbortedTransaction*
 *                          [preferredReadReplica int32]           from version 11 on
 *                          recordsLength         int32
 *                          RecordBatch*                           see batch-header.ts
 *     AbortedTransaction = producerId int64, firstOffset int64
 *
 * The last RecordBatch may be cut off: the broker sends as many bytes as were asked for. The first
 * is always whole. Records of aborted transactions are left out here, as the Java client does it.
 *
 * A record set in message format 0 or 1, from before Kafka 0.11, is not decoded. It is a sequence
 * of messages, which Kafka 4 no longer writes, but still serves where they were never rewritten:
 *
 *     Message = offset int64, messageSize int32, crc int32, magic int8 (0 or 1),
 *               attributes int8 (bits 0-2 codec), ...
 *
 * The offset of a compressed message is that of the last message inside it.
 */
import { type AbortedTransactions, readAbortedTransactions } from './aborted-transactions.ts'
import { BATCH_HEADER_BYTES, claimedBytes, magicOf, readHeader } from './batch-header.ts'
import { ByteReader } from './byte-reader.ts'
import { type FetchedRecord, placeholder, readRecords, unreadableBatch } from './record-batch.ts'

/** The first version whose record sets may hold batches of magic 2 (Kafka 0.11). */
export const OLDEST_FETCH_VERSION = 4

export interface FetchLimits {
  /** What one batch may cost in memory. A larger one counts as undecodable. */
  readonly maxBatchBytes: number
  /** Once the batches of a response cost as much, the rest is left to the next fetch. */
  readonly enoughBytes: number
}

export function fetchLimits(maxBatchBytes: number): FetchLimits {
  return { maxBatchBytes, enoughBytes: Math.min(ENOUGH_BYTES, maxBatchBytes) }
}

const ENOUGH_BYTES = 5 * 1024 * 1024

interface FetchedPartition {
  readonly partition: number
  readonly errorCode: number
  readonly highWatermark: string
  readonly lastStableOffset: string
  /** Always empty: kafkajs would apply them once more, and wrongly. */
  readonly abortedTransactions: readonly never[]
  readonly preferredReadReplica?: number
  readonly messages: FetchedRecord[]
}

/**
 * @param version of the Fetch API, 4 to 11
 * @throws RangeError if the bytes are no such response
 */
export async function decodeFetchResponse(bytes: Buffer, version: number, limits: FetchLimits) {
  const reader = new ByteReader(bytes)
  const throttleTimeMs = reader.int32()
  if (version >= 7) reader.position += ERROR_CODE_BYTES + SESSION_ID_BYTES // sessions are not used
  const budget = { spentBytes: 0 }
  const responses: { topicName: string; partitions: FetchedPartition[] }[] = []
  for (let topicsLeft = reader.int32(); topicsLeft > 0; topicsLeft--) {
    const topicName = reader.slice(reader.int16())?.toString() ?? ''
    const partitions: FetchedPartition[] = []
    for (let partitionsLeft = reader.int32(); partitionsLeft > 0; partitionsLeft--) {
      partitions.push(await decodePartition(reader, version, limits, budget))
    }
    responses.push({ topicName, partitions })
  }
  // from version 8 on the broker answers at once, and the client is to wait (KIP-219)
  return version >= 8
    ? { throttleTime: 0, clientSideThrottleTime: throttleTimeMs, responses }
    : { throttleTime: throttleTimeMs, responses }
}

const ERROR_CODE_BYTES = 2
const SESSION_ID_BYTES = 4
const LOG_START_OFFSET_BYTES = 8

/** What the batches of this response cost so far. */
type Budget = { spentBytes: number }

async function decodePartition(
  reader: ByteReader,
  version: number,
  limits: FetchLimits,
  budget: Budget,
): Promise<FetchedPartition> {
  const partition = reader.int32()
  const errorCode = reader.int16()
  const highWatermark = String(reader.int64())
  const lastStableOffset = String(reader.int64())
  if (version >= 5) reader.position += LOG_START_OFFSET_BYTES
  const aborted = readAbortedTransactions(reader)
  const preferred = version >= 11 ? { preferredReadReplica: reader.int32() } : {}
  const recordSet = reader.slice(reader.int32()) ?? Buffer.alloc(0)
  const messages = await decodeRecordSet(recordSet, aborted, limits, budget)
  return {
    partition,
    errorCode,
    highWatermark,
    lastStableOffset,
    abortedTransactions: [],
    ...preferred,
    messages,
  }
}

async function decodeRecordSet(
  recordSet: Buffer,
  aborted: AbortedTransactions,
  limits: FetchLimits,
  budget: Budget,
): Promise<FetchedRecord[]> {
  const magic = magicOf(recordSet)
  if (magic === 0 || magic === 1) return [oldMessage(recordSet, magic)]
  const messages: FetchedRecord[] = []
  let rest = recordSet
  while (rest.length >= BATCH_HEADER_BYTES && budget.spentBytes < limits.enoughBytes) {
    const size = claimedBytes(rest)
    const wrong = whyNoBatch(rest, size)
    if (wrong !== undefined) {
      // after other batches it may be cut off, or of an old format: the next fetch begins with it
      if (messages.length === 0) messages.push(noBatch(rest, wrong))
      break
    }
    await decodeBatch(rest.subarray(0, size), messages, aborted, limits, budget)
    rest = rest.subarray(size)
  }
  // kafkajs would drop placeholders at the end, and what is read would not be committed
  const last = messages.at(-1)
  if (last?.isPlaceholder) messages[messages.length - 1] = { ...last, isControlRecord: false }
  return messages
}

async function decodeBatch(
  batch: Buffer,
  messages: FetchedRecord[],
  aborted: AbortedTransactions,
  limits: FetchLimits,
  budget: Budget,
): Promise<void> {
  const header = readHeader(batch)
  if (aborted.hasRecords(header)) {
    const { records, costBytes } = await readRecords(batch, header, limits.maxBatchBytes)
    for (const record of records) messages.push(record)
    budget.spentBytes += costBytes
  }
  // compaction and transactions leave offsets without a record
  if (messages.at(-1)?.offset !== String(header.lastOffset)) {
    messages.push(placeholder(header.lastOffset))
  }
}

/** Returns why the bytes do not begin with a whole batch; undefined if they do. */
function whyNoBatch(bytes: Buffer, size: number): string | undefined {
  const magic = magicOf(bytes)
  if (magic !== 2) return `its message format is unknown (magic ${magic})`
  if (size >= BATCH_HEADER_BYTES && size <= bytes.length) return undefined
  return `it claims to have ${size} bytes, but ${bytes.length} were received`
}

function noBatch(bytes: Buffer, reason: string): FetchedRecord {
  const { baseOffset, lastOffset } = readHeader(bytes)
  return unreadableBatch({ firstOffset: baseOffset, lastOffset, bytes: bytes.length, reason })
}

/** Represents the first message alone: a skip must not skip more than one at a time. */
function oldMessage(recordSet: Buffer, magic: 0 | 1): FetchedRecord {
  const offset = recordSet.readBigInt64BE(MESSAGE_OFFSET)
  const isCompressed = ((recordSet[MESSAGE_ATTRIBUTES] ?? 0) & MESSAGE_CODEC_MASK) !== 0
  const reason = `it has message format ${magic}, from before Kafka 0.11, which is not supported`
  return unreadableBatch({
    firstOffset: offset,
    lastOffset: offset,
    bytes: claimedBytes(recordSet),
    reason: isCompressed ? `${reason} (it is compressed: offsets before it belong to it)` : reason,
    remedy: 'Publish its records again with a current client, to a topic of message format 2',
  })
}

const MESSAGE_OFFSET = 0
const MESSAGE_ATTRIBUTES = 17
const MESSAGE_CODEC_MASK = 0x07
