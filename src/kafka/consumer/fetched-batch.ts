/** Converts a batch of kafkajs into the one that the pipeline takes. */
import { PartitionStopped } from '../../pipeline/errors.ts'
import type { RecordBatch } from '../../pipeline/ports.ts'
import type { EachBatchPayload } from '../client/kafkajs.ts'
import { fetchedRecords, type Undecodable } from '../wire/record-batch.ts'

/**
 * Returns the records up to the first that cannot be decompressed, and the stop at that one, if
 * there is one. Without a readable record before it, there is only the stop.
 */
export function readBatch({ batch }: EachBatchPayload): {
  batch?: RecordBatch
  stop?: PartitionStopped
} {
  const { topic, partition } = batch
  const all = fetchedRecords(batch.messages)
  const end = all.findIndex(({ undecodable }) => undecodable !== undefined)
  const undecodable = all[end]?.undecodable
  const records = undecodable === undefined ? all : all.slice(0, end)
  const read = (records.length > 0 || undecodable === undefined) && {
    batch: {
      topic,
      partition,
      fetchOffset: fetchOffsetOf(batch),
      records,
      nextOffset: undecodable?.firstOffset ?? BigInt(batch.lastOffset()) + 1n,
      highWatermark: BigInt(batch.highWatermark),
    },
  }
  const stop = undecodable && { stop: stopAt(batch, undecodable, records.length === 0) }
  return { ...read, ...stop }
}

function stopAt(
  batch: EachBatchPayload['batch'],
  { firstOffset, lastOffset, bytes, reason, remedy }: Undecodable,
  isFirst: boolean,
): PartitionStopped {
  // after a skip, or an offset that was set by hand, a fetch may start in the middle of a batch
  const fetched = fetchOffsetOf(batch)
  const offset = isFirst && fetched > firstOffset ? fetched : firstOffset
  const message =
    `the batch of offsets ${firstOffset} to ${lastOffset} of ${batch.topic}/${batch.partition} ` +
    `(${bytes} bytes) cannot be read: ${reason}. The partition stops at offset ${offset}. ` +
    `${remedy === undefined ? '' : `${remedy}. `}To continue without the batch, run ` +
    `\`group-traits skip ${batch.partition} ${offset}\``
  return new PartitionStopped(offset, message)
}

/** Returns the offset that was requested. kafkajs' types leave that property out. */
export function fetchOffsetOf(
  batch: EachBatchPayload['batch'] & { fetchedOffset?: unknown },
): bigint {
  return BigInt(String(batch.fetchedOffset))
}
