/** Encodes record batches and fetch responses as a broker does, for tests of the decoder. */
import { crc32 } from 'node:zlib'

export interface WireRecord {
  readonly key?: Buffer | null
  readonly value?: Buffer | null
  readonly timestampDelta?: bigint
  readonly offsetDelta?: number
  readonly headers?: readonly (readonly [string, Buffer | null])[]
}

export interface WireBatch {
  readonly firstOffset: bigint
  readonly records: readonly WireRecord[]
  /** If it is not that of the last record, as after compaction. */
  readonly lastOffsetDelta?: number
  readonly codec?: number
  readonly compress?: (plain: Buffer) => Buffer
  readonly firstTimestamp?: bigint
  readonly maxTimestamp?: bigint
  readonly isLogAppendTime?: boolean
  readonly producerId?: bigint
  readonly isTransactional?: boolean
  readonly isControl?: boolean
  /** recordsCount, if it is not the number of records. */
  readonly count?: number
}

export function batchBytes(batch: WireBatch): Buffer {
  const { records, codec = 0, compress = (plain) => plain } = batch
  const body = compress(recordBytes(records))
  const bytes = Buffer.alloc(61 + body.length)
  bytes.writeBigInt64BE(batch.firstOffset, 0)
  bytes.writeInt32BE(bytes.length - 12, 8)
  bytes.writeInt8(2, 16)
  const attributes =
    codec |
    (batch.isLogAppendTime ? 0x08 : 0) |
    (batch.isTransactional ? 0x10 : 0) |
    (batch.isControl ? 0x20 : 0)
  bytes.writeInt16BE(attributes, 21)
  bytes.writeInt32BE(batch.lastOffsetDelta ?? Math.max(0, records.length - 1), 23)
  bytes.writeBigInt64BE(batch.firstTimestamp ?? 1_700_000_000_000n, 27)
  bytes.writeBigInt64BE(batch.maxTimestamp ?? 1_700_000_000_000n, 35)
  bytes.writeBigInt64BE(batch.producerId ?? -1n, 43)
  bytes.writeInt32BE(batch.count ?? records.length, 57)
  body.copy(bytes, 61)
  bytes.writeUInt32BE(crc32(bytes.subarray(21)), 17)
  return bytes
}

export function recordBytes(records: readonly WireRecord[]): Buffer {
  return Buffer.concat(
    records.map((record, index) => {
      const body = Buffer.concat([
        Buffer.from([0]),
        varint(record.timestampDelta ?? 0n),
        varint(BigInt(record.offsetDelta ?? index)),
        sized(record.key ?? null),
        sized(record.value ?? null),
        varint(BigInt(record.headers?.length ?? 0)),
        ...(record.headers ?? []).flatMap(([name, value]) => [
          sized(Buffer.from(name)),
          sized(value),
        ]),
      ])
      return Buffer.concat([varint(BigInt(body.length)), body])
    }),
  )
}

/** A control batch. The key of its record has version 0, then type 0 for abort or 1 for commit. */
export function marker(firstOffset: bigint, producerId: bigint, type: 'abort' | 'commit'): Buffer {
  const key = Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1])
  return batchBytes({
    firstOffset,
    producerId,
    records: [{ key, value: Buffer.alloc(6) }],
    isTransactional: true,
    isControl: true,
  })
}

/** A fetch response of version 11, with one partition. */
export function fetchResponse(
  recordSet: Buffer,
  aborted: readonly { producerId: bigint; firstOffset: bigint }[] = [],
): Buffer {
  const topic = Buffer.from('t')
  return Buffer.concat([
    int32(0), // throttleTimeMs
    int16(0), // errorCode
    int32(0), // sessionId
    int32(1),
    int16(topic.length),
    topic,
    int32(1),
    int32(3), // partitionIndex
    int16(0), // errorCode
    int64(100n), // highWatermark
    int64(90n), // lastStableOffset
    int64(0n), // logStartOffset
    int32(aborted.length),
    ...aborted.flatMap(({ producerId, firstOffset }) => [int64(producerId), int64(firstOffset)]),
    int32(-1), // preferredReadReplica
    int32(recordSet.length),
    recordSet,
  ])
}

function varint(value: bigint): Buffer {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  const bytes: number[] = []
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  return Buffer.from([...bytes, Number(rest)])
}

function sized(bytes: Buffer | null): Buffer {
  return bytes === null ? varint(-1n) : Buffer.concat([varint(BigInt(bytes.length)), bytes])
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}
