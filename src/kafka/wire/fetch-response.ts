/**
 * Fetch responses, versions 4 to 11, in the shape that kafkajs goes on with.
 *
 * Aborted transactions are sorted out here, as the Java client does it: kafkajs takes up one
 * of them per record only, and so lets records of interleaved aborted transactions through.
 */
import { ByteReader } from './byte-reader.ts'
import {
  BATCH_HEADER_BYTES,
  type FetchedRecord,
  isControl,
  isTransactional,
  placeholder,
  readHeader,
  readRecords,
  standIn,
} from './record-batch.ts'

export interface FetchLimits {
  /** What one batch may cost in memory; a larger one is marked as undecodable. */
  readonly maxBatchBytes: number
  /** Once a response cost as much, its further batches are left to the next fetch. */
  readonly enoughBytes: number
  /** For the formats before magic 2: the whole record set, its size in front. */
  readonly decodeOldFormat: (recordSet: Buffer) => Promise<FetchedRecord[]>
}

interface FetchedPartition {
  readonly partition: number
  readonly errorCode: number
  readonly highWatermark: string
  readonly lastStableOffset: string
  readonly abortedTransactions: readonly never[]
  readonly preferredReadReplica?: number
  readonly messages: FetchedRecord[]
}

/** @param version of the Fetch API, 4 to 11 */
export async function decodeFetchResponse(bytes: Buffer, version: number, limits: FetchLimits) {
  const reader = new ByteReader(bytes)
  const throttleMs = reader.int32()
  if (version >= 7) reader.position += 6 // error code and session: sessions are not used
  const budget = { spentBytes: 0 }
  const responses: { topicName: string; partitions: FetchedPartition[] }[] = []
  for (let topics = reader.int32(); topics > 0; topics--) {
    const topicName = reader.slice(reader.int16())?.toString() ?? ''
    const partitions: FetchedPartition[] = []
    for (let count = reader.int32(); count > 0; count--) {
      partitions.push(await decodePartition(reader, version, limits, budget))
    }
    responses.push({ topicName, partitions })
  }
  // from version 8 on, the waiting is left to the client
  return version >= 8
    ? { throttleTime: 0, clientSideThrottleTime: throttleMs, responses }
    : { throttleTime: throttleMs, responses }
}

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
  if (version >= 5) reader.position += 8 // log start offset
  const aborted = decodeAborted(reader)
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

interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: bigint
}

function decodeAborted(reader: ByteReader): AbortedTransaction[] {
  const aborted: AbortedTransaction[] = []
  for (let count = reader.int32(); count > 0; count--) {
    aborted.push({ producerId: reader.int64(), firstOffset: reader.int64() })
  }
  return aborted.sort((a, b) => Number(a.firstOffset - b.firstOffset))
}

const OFFSET_AND_LENGTH_BYTES = 12
const MAGIC_AT = 16

async function decodeRecordSet(
  recordSet: Buffer,
  aborted: AbortedTransaction[],
  limits: FetchLimits,
  budget: Budget,
): Promise<FetchedRecord[]> {
  const magic = recordSet[MAGIC_AT]
  if (magic === 0 || magic === 1) return await decodeOldFormat(recordSet, limits)
  const messages: FetchedRecord[] = []
  const abortedProducers = new Set<bigint>()
  let rest = recordSet
  while (rest.length >= BATCH_HEADER_BYTES && budget.spentBytes < limits.enoughBytes) {
    const size = OFFSET_AND_LENGTH_BYTES + rest.readInt32BE(8)
    const wrong = wrongFrame(rest, size)
    if (wrong !== undefined) {
      // the last batch may have been cut off by the broker, the first never is
      if (messages.length === 0) messages.push(unframed(rest, wrong))
      break
    }
    await decodeBatch(rest.subarray(0, size), messages, aborted, abortedProducers, limits, budget)
    rest = rest.subarray(size)
  }
  // kafkajs would pass over what ends in nothing but these without a word
  const last = messages.at(-1)
  if (last?.isPlaceholder) messages[messages.length - 1] = { ...last, isControlRecord: false }
  return messages
}

/** Why the bytes do not begin with a batch, if so. */
function wrongFrame(bytes: Buffer, size: number): string | undefined {
  if (bytes[MAGIC_AT] !== 2) return `its format is unknown: magic ${bytes[MAGIC_AT]}`
  if (size >= BATCH_HEADER_BYTES && size <= bytes.length) return undefined
  return `it claims to have ${size} bytes, of which ${bytes.length} came`
}

function unframed(bytes: Buffer, reason: string): FetchedRecord {
  const { firstOffset, lastOffset } = readHeader(bytes)
  return standIn({ firstOffset, lastOffset, bytes: bytes.length, reason })
}

/** What kafkajs makes of it; where it fails, what it makes of the first message alone. */
async function decodeOldFormat(recordSet: Buffer, limits: FetchLimits): Promise<FetchedRecord[]> {
  const first = recordSet.subarray(0, OFFSET_AND_LENGTH_BYTES + recordSet.readInt32BE(8))
  try {
    return await limits.decodeOldFormat(withSize(recordSet))
  } catch {
    // then the first message says whether it is the one that fails
  }
  try {
    return await limits.decodeOldFormat(withSize(first))
  } catch (error) {
    const offset = recordSet.readBigInt64BE(0)
    const reason = `it cannot be decoded: ${error instanceof Error ? error.message : String(error)}`
    const bytes = first.length
    return [standIn({ firstOffset: offset, lastOffset: offset, bytes, reason })]
  }
}

async function decodeBatch(
  batch: Buffer,
  messages: FetchedRecord[],
  aborted: AbortedTransaction[],
  abortedProducers: Set<bigint>,
  limits: FetchLimits,
  budget: Budget,
): Promise<void> {
  const header = readHeader(batch)
  while (aborted[0] !== undefined && aborted[0].firstOffset <= header.lastOffset) {
    abortedProducers.add(aborted[0].producerId)
    aborted.shift()
  }
  const ends = isControl(header)
  const isAborted = isTransactional(header) && abortedProducers.has(header.producerId)
  if (ends) abortedProducers.delete(header.producerId)
  if (!ends && !isAborted) {
    const { records, costBytes } = await readRecords(batch, header, limits.maxBatchBytes)
    for (const record of records) messages.push(record)
    budget.spentBytes += costBytes
  }
  // compaction and transactions leave offsets without a record
  if (messages.at(-1)?.offset !== String(header.lastOffset)) {
    messages.push(placeholder(header.lastOffset))
  }
}

function withSize(recordSet: Buffer): Buffer {
  const size = Buffer.alloc(4)
  size.writeInt32BE(recordSet.length)
  return Buffer.concat([size, recordSet])
}
