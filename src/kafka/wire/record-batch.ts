/**
 * Record batches (magic 2, the only format since Kafka 0.11) as a fetch brings them.
 *
 * kafkajs' own decoder takes time square in the number of a record's headers, hands out
 * `Object.prototype` members for a header named `constructor`, throws a RangeError on a batch
 * of some 100,000 records, inflates without a limit, and gets stuck behind an empty batch.
 */
import type { KafkaRecord, RecordHeaders } from '../../domain/record.ts'
import { ByteReader } from './byte-reader.ts'
import { decompress } from './codecs.ts'
import { narrow, RecordView, type Start } from './record-view.ts'
import { TooLarge } from './too-large.ts'

/** A record, or what stands for something that is none. */
export interface FetchedRecord extends KafkaRecord {
  /** kafkajs leaves such a record out, and goes on behind it. */
  readonly isControlRecord: boolean
  /** Set where it is no record, but says that the partition was read up to here. */
  readonly isPlaceholder?: true
  /** Set where a batch cannot be read: this record stands for all of it, at its last offset. */
  readonly undecodable?: Undecodable | undefined
}

export interface Undecodable {
  readonly firstOffset: bigint
  readonly lastOffset: bigint
  /** Size on the wire. */
  readonly bytes: number
  readonly reason: string
}

/**
 * What kafkajs hands on as its messages, without a placeholder at the end: our own decoder
 * made them (see kafkajs.ts).
 */
export function fetchedRecords(messages: readonly unknown[]): readonly FetchedRecord[] {
  const records = messages as readonly FetchedRecord[]
  return records.at(-1)?.isPlaceholder ? records.slice(0, -1) : records
}

export interface BatchHeader {
  readonly firstOffset: bigint
  readonly lastOffset: bigint
  readonly attributes: number
  readonly firstTimestamp: bigint
  readonly maxTimestamp: bigint
  readonly producerId: bigint
  readonly count: number
}

/** From the head of a batch to its records. */
export const BATCH_HEADER_BYTES = 61
/** What a record, and each header of it, costs in memory beside its bytes, about. */
const RECORD_COST_BYTES = 256
const HEADER_COST_BYTES = 128

const CODEC_MASK = 0x07
const LOG_APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20

export const isTransactional = ({ attributes }: BatchHeader) => (attributes & TRANSACTIONAL) !== 0
export const isControl = ({ attributes }: BatchHeader) => (attributes & CONTROL) !== 0

/** @param batch a whole batch, from its first offset to its last record */
export function readHeader(batch: Buffer): BatchHeader {
  const firstOffset = batch.readBigInt64BE(0)
  return {
    firstOffset,
    lastOffset: firstOffset + BigInt(Math.max(0, batch.readInt32BE(23))),
    attributes: batch.readInt16BE(21),
    firstTimestamp: batch.readBigInt64BE(27),
    maxTimestamp: batch.readBigInt64BE(35),
    producerId: batch.readBigInt64BE(43),
    count: batch.readInt32BE(57),
  }
}

/** The records of a batch, and what they cost in memory. Never throws. */
export async function readRecords(
  batch: Buffer,
  header: BatchHeader,
  capBytes: number,
): Promise<{ records: FetchedRecord[]; costBytes: number }> {
  try {
    if (header.count < 0) throw new RangeError('a negative count')
    const overhead = header.count * RECORD_COST_BYTES
    if (overhead > capBytes) throw new TooLarge(`${header.count} records`)
    const packed = batch.subarray(BATCH_HEADER_BYTES)
    const plain = await decompress(header.attributes & CODEC_MASK, packed, capBytes - overhead)
    const room = { bytes: capBytes - overhead - plain.length }
    return { records: decodeRecords(plain, header, room), costBytes: capBytes - room.bytes }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const reason =
      error instanceof TooLarge
        ? `its ${header.count} records are more than ${capBytes} bytes in memory (kafka.maxBatchBytes)`
        : `its ${header.count} records cannot be decoded: ${why}`
    const { firstOffset, lastOffset } = header
    const records = [standIn({ firstOffset, lastOffset, bytes: batch.length, reason })]
    return { records, costBytes: 0 }
  }
}

/** Stands for a batch that cannot be read. */
export function standIn(undecodable: Undecodable): FetchedRecord {
  return { ...bare(undecodable.lastOffset), isControlRecord: false, undecodable }
}

/** Only says that the partition was read up to here. */
export function placeholder(offset: bigint): FetchedRecord {
  return { ...bare(offset), isControlRecord: true, isPlaceholder: true }
}

function bare(offset: bigint): KafkaRecord {
  return { offset: String(offset), timestamp: '-1', key: null, value: null, headers: undefined }
}

/** What may still be spent on headers; they are told of by nothing but the records themselves. */
type Room = { bytes: number }

function decodeRecords(bytes: Buffer, header: BatchHeader, room: Room): FetchedRecord[] {
  const reader = new ByteReader(bytes)
  const isLogAppendTime = (header.attributes & LOG_APPEND_TIME) !== 0
  const start: Start = {
    offset: narrow(header.firstOffset),
    timestamp: narrow(header.firstTimestamp),
    everyTimestamp: isLogAppendTime ? String(header.maxTimestamp) : undefined,
    lastDelta: Number(header.lastOffset - header.firstOffset),
  }
  const records: FetchedRecord[] = []
  for (let index = 0; index < header.count; index++) {
    records.push(decodeRecord(reader, start, room))
  }
  if (reader.remaining > 0) throw new RangeError('bytes behind the last record')
  return records
}

function decodeRecord(reader: ByteReader, start: Start, room: Room): FetchedRecord {
  const length = reader.varint()
  const end = reader.position + length
  if (length < 0 || end > reader.bytes.length) throw new RangeError('a record beyond the end')
  reader.position += 1 // attributes, unused
  const sinceFirst = reader.varlong()
  const delta = reader.varint()
  if (delta < 0 || delta > start.lastDelta) throw new RangeError('an offset outside its batch')
  const keyAt = reader.skip(reader.varint())
  const keyEnd = reader.position
  const valueAt = reader.skip(reader.varint())
  const valueEnd = reader.position
  const headers = decodeHeaders(reader, room)
  if (reader.position !== end) throw new RangeError('a record of another length than it says')
  return new RecordView(
    reader.bytes,
    start,
    sinceFirst,
    delta,
    keyAt,
    keyEnd,
    valueAt,
    valueEnd,
    headers,
  )
}

/** Without a prototype: a header may have any name. */
function decodeHeaders(reader: ByteReader, room: Room): RecordHeaders | undefined {
  const count = reader.varint()
  if (count === 0) return undefined
  if (count < 0 || 2 * count > reader.remaining) throw new RangeError(`${count} headers`)
  room.bytes -= count * HEADER_COST_BYTES
  if (room.bytes < 0) throw new TooLarge(`${count} headers`)
  const headers: Record<string, Buffer | Buffer[]> = Object.create(null)
  for (let index = 0; index < count; index++) {
    const name = reader.slice(reader.varint())?.toString() ?? ''
    // a header without a value counts as one with an empty value: kafkajs could not write it
    const value = reader.slice(reader.varint()) ?? EMPTY
    const before = headers[name]
    if (before === undefined) headers[name] = value
    else if (Array.isArray(before)) before.push(value)
    else headers[name] = [before, value]
  }
  return headers
}

const EMPTY = Buffer.alloc(0)
