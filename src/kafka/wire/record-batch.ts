/**
 * Reads the records of a record batch. Decompressed, they are:
 *
 *     Record = length          varint         of all that follows this field
 *              attributes      int8           unused
 *              timestampDelta  varlong        from baseTimestamp
 *              offsetDelta     varint         from baseOffset
 *              keyLength       varint         -1: null
 *              key             byte*
 *              valueLength     varint         -1: null
 *              value           byte*
 *              headersCount    varint
 *              Header*
 *     Header = headerKeyLength    varint
 *              headerKey          byte*       UTF-8
 *              headerValueLength  varint      -1: null
 *              headerValue        byte*
 *
 * varint and varlong are zigzag. For the fields of the batch see batch-header.ts. What kafkajs' own
 * decoder does wrong is listed in amendments/fetch-responses.ts.
 */
import type { KafkaRecord, RecordHeaders } from '../../domain/record.ts'
import { BATCH_HEADER_BYTES, type BatchHeader, codecOf, isLogAppendTime } from './batch-header.ts'
import { ByteReader } from './byte-reader.ts'
import { decompress } from './codecs.ts'
import { type BatchBase, narrow, RecordView } from './record-view.ts'
import { TooLarge } from './too-large.ts'

/** A record; or one that represents a batch that cannot be read; or a placeholder. */
export interface FetchedRecord extends KafkaRecord {
  /** kafkajs skips such a record: it does not pass it to eachBatch, and continues after it. */
  readonly isControlRecord: boolean
  /** Set on a placeholder: it only says that the partition was read up to its offset. */
  readonly isPlaceholder?: true
  /** Set if the record represents a batch that cannot be read. Its offset is the batch's last. */
  readonly undecodable?: Undecodable | undefined
}

export interface Undecodable {
  readonly firstOffset: bigint
  readonly lastOffset: bigint
  /** Size on the wire. */
  readonly bytes: number
  readonly reason: string
  /** What an operator may do about it other than skip it, as the beginning of a sentence. */
  readonly remedy?: string
}

/**
 * Returns the records of a batch as kafkajs passes it to `eachBatch`, without a placeholder at the
 * end. The messages must come from our own decoder.
 */
export function fetchedRecords(messages: readonly unknown[]): readonly FetchedRecord[] {
  const records = messages as readonly FetchedRecord[]
  return records.at(-1)?.isPlaceholder ? records.slice(0, -1) : records
}

/** What a record, and each of its headers, costs in memory besides its bytes: estimates. */
const RECORD_COST_BYTES = 256
const HEADER_COST_BYTES = 128

/**
 * Reads the records of a batch. Never throws: a batch that cannot be read gives one record with `undecodable`.
 *
 * @param capBytes what the batch may cost in memory
 * @returns the records, and what they cost in memory
 */
export async function readRecords(
  batch: Buffer,
  header: BatchHeader,
  capBytes: number,
): Promise<{ records: FetchedRecord[]; costBytes: number }> {
  const { recordsCount } = header
  try {
    if (recordsCount < 0) throw new RangeError('a negative count')
    const recordsCost = recordsCount * RECORD_COST_BYTES
    if (recordsCost > capBytes) throw new TooLarge(`${recordsCount} records`)
    const packed = batch.subarray(BATCH_HEADER_BYTES)
    const plain = await decompress(codecOf(header), packed, capBytes - recordsCost)
    const room = { bytes: capBytes - recordsCost - plain.length }
    return { records: decodeRecords(plain, header, room), costBytes: capBytes - room.bytes }
  } catch (error) {
    const { baseOffset: firstOffset, lastOffset } = header
    const why = whyUndecodable(error, recordsCount, capBytes)
    return {
      records: [unreadableBatch({ firstOffset, lastOffset, bytes: batch.length, ...why })],
      costBytes: 0,
    }
  }
}

function whyUndecodable(
  error: unknown,
  recordsCount: number,
  capBytes: number,
): Pick<Undecodable, 'reason' | 'remedy'> {
  if (error instanceof TooLarge) {
    const reason = `its ${recordsCount} records need more than ${capBytes} bytes in memory (kafka.maxBatchBytes)`
    return { reason, remedy: 'Raise kafka.maxBatchBytes' }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { reason: `its ${recordsCount} records cannot be decoded: ${message}` }
}

/** Returns a record that represents a batch that cannot be read. */
export function unreadableBatch(undecodable: Undecodable): FetchedRecord {
  return { ...emptyRecord(undecodable.lastOffset), isControlRecord: false, undecodable }
}

/** Returns a record that only says that the partition was read up to that offset. */
export function placeholder(offset: bigint): FetchedRecord {
  return { ...emptyRecord(offset), isControlRecord: true, isPlaceholder: true }
}

function emptyRecord(offset: bigint): KafkaRecord {
  return { offset: String(offset), timestamp: '-1', key: null, value: null, headers: undefined }
}

/** How much memory the headers may still take. Their number is known from the records only. */
type Room = { bytes: number }

function decodeRecords(bytes: Buffer, header: BatchHeader, room: Room): FetchedRecord[] {
  const reader = new ByteReader(bytes)
  const base: BatchBase = {
    offset: narrow(header.baseOffset),
    timestamp: narrow(header.baseTimestamp),
    logAppendTime: isLogAppendTime(header) ? String(header.maxTimestamp) : undefined,
    lastOffsetDelta: Number(header.lastOffset - header.baseOffset),
  }
  const records: FetchedRecord[] = []
  for (let index = 0; index < header.recordsCount; index++) {
    records.push(decodeRecord(reader, base, room))
  }
  if (reader.remaining > 0) throw new RangeError('bytes after the last record')
  return records
}

function decodeRecord(reader: ByteReader, base: BatchBase, room: Room): FetchedRecord {
  const length = reader.varint()
  const end = reader.position + length
  if (length < 0 || end > reader.bytes.length) throw new RangeError('a record beyond the end')
  reader.position += 1 // attributes
  const timestampDelta = reader.varlong()
  const offsetDelta = reader.varint()
  if (offsetDelta < 0 || offsetDelta > base.lastOffsetDelta) {
    throw new RangeError('an offset outside its batch')
  }
  const keyStart = reader.skip(reader.varint())
  const keyEnd = reader.position
  const valueStart = reader.skip(reader.varint())
  const valueEnd = reader.position
  const headers = decodeHeaders(reader, room)
  if (reader.position !== end) throw new RangeError('a record of another length than it claims')
  return new RecordView(
    reader.bytes,
    base,
    timestampDelta,
    offsetDelta,
    keyStart,
    keyEnd,
    valueStart,
    valueEnd,
    headers,
  )
}

/** The headers have no prototype, as a header may have any name. */
function decodeHeaders(reader: ByteReader, room: Room): RecordHeaders | undefined {
  const headersCount = reader.varint()
  if (headersCount === 0) return undefined
  // each takes two bytes at least
  if (headersCount < 0 || 2 * headersCount > reader.remaining) {
    throw new RangeError(`${headersCount} headers`)
  }
  room.bytes -= headersCount * HEADER_COST_BYTES
  if (room.bytes < 0) throw new TooLarge(`${headersCount} headers`)
  const headers: Record<string, Buffer | Buffer[]> = Object.create(null)
  for (let index = 0; index < headersCount; index++) {
    const name = reader.slice(reader.varint())?.toString() ?? ''
    // a null value becomes an empty one: kafkajs could not write it to the dead letters
    const value = reader.slice(reader.varint()) ?? EMPTY
    const before = headers[name]
    if (before === undefined) headers[name] = value
    else if (Array.isArray(before)) before.push(value)
    else headers[name] = [before, value]
  }
  return headers
}

const EMPTY = Buffer.alloc(0)
