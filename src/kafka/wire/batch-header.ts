/**
 * Reads the header of a record batch (magic 2, the only format that brokers write since Kafka 0.11):
 *
 *     RecordBatch = baseOffset            int64    at  0
 *                   batchLength           int32    at  8   of all that follows this field
 *                   partitionLeaderEpoch  int32    at 12
 *                   magic                 int8     at 16
 *                   crc                   uint32   at 17   not checked: what is decoded is validated
 *                   attributes            int16    at 21   bits 0-2 codec, 3 log-append time,
 *                                                          4 transactional, 5 control batch
 *                   lastOffsetDelta       int32    at 23
 *                   baseTimestamp         int64    at 27
 *                   maxTimestamp          int64    at 35
 *                   producerId            int64    at 43
 *                   producerEpoch         int16    at 51
 *                   baseSequence          int32    at 53
 *                   recordsCount          int32    at 57
 *                   Record*                        at 61   compressed by the codec as a whole
 *
 * All integers are big-endian. For Record see record-batch.ts.
 */

/** Where the fields begin. */
const BASE_OFFSET = 0
const BATCH_LENGTH = 8
const PARTITION_LEADER_EPOCH = 12
const MAGIC = 16
const ATTRIBUTES = 21
const LAST_OFFSET_DELTA = 23
const BASE_TIMESTAMP = 27
const MAX_TIMESTAMP = 35
const PRODUCER_ID = 43
const RECORDS_COUNT = 57
const RECORDS = 61

/** The length of a batch's header: a batch cannot be shorter. */
export const BATCH_HEADER_BYTES = RECORDS

const CODEC_MASK = 0x07
const LOG_APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL_BATCH = 0x20

export interface BatchHeader {
  readonly baseOffset: bigint
  /** baseOffset + lastOffsetDelta. */
  readonly lastOffset: bigint
  readonly attributes: number
  readonly baseTimestamp: bigint
  readonly maxTimestamp: bigint
  readonly producerId: bigint
  readonly recordsCount: number
}

/** Returns the magic: it has the same place in all message formats. Undefined if the bytes end before. */
export function magicOf(bytes: Buffer): number | undefined {
  return bytes[MAGIC]
}

/** Returns the size of the batch that the bytes begin with, as it claims: it may be absurd. */
export function claimedBytes(bytes: Buffer): number {
  // batchLength counts from the field after it
  return PARTITION_LEADER_EPOCH + bytes.readInt32BE(BATCH_LENGTH)
}

/** @param batch at least its header */
export function readHeader(batch: Buffer): BatchHeader {
  const baseOffset = batch.readBigInt64BE(BASE_OFFSET)
  const lastOffsetDelta = Math.max(0, batch.readInt32BE(LAST_OFFSET_DELTA))
  return {
    baseOffset,
    lastOffset: baseOffset + BigInt(lastOffsetDelta),
    attributes: batch.readInt16BE(ATTRIBUTES),
    baseTimestamp: batch.readBigInt64BE(BASE_TIMESTAMP),
    maxTimestamp: batch.readBigInt64BE(MAX_TIMESTAMP),
    producerId: batch.readBigInt64BE(PRODUCER_ID),
    recordsCount: batch.readInt32BE(RECORDS_COUNT),
  }
}

export const codecOf = ({ attributes }: BatchHeader) => attributes & CODEC_MASK
export const isLogAppendTime = ({ attributes }: BatchHeader) => (attributes & LOG_APPEND_TIME) !== 0
export const isTransactional = ({ attributes }: BatchHeader) => (attributes & TRANSACTIONAL) !== 0
export const isControlBatch = ({ attributes }: BatchHeader) => (attributes & CONTROL_BATCH) !== 0
