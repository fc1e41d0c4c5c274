/**
 * From what kafkajs fetched to the pipeline's `handle`, and from how that came out back to
 * what kafkajs is to do next.
 *
 * Nothing but kafkajs' own errors may leave `eachBatch`: it would try a plain error again six
 * times, and dies of a TypeError in silence.
 */
import { Abandoned, PartitionStopped } from '../pipeline/outage.ts'
import type { BatchLease, Log, RecordBatch } from '../pipeline/ports.ts'
import { commitMetadata } from './commit-metadata.ts'
import type { SendOffsets } from './committer.ts'
import { ConsumerFailed } from './consumer-failed.ts'
import { isKafkajsError } from './failures.ts'
import type { EachBatchPayload } from './kafkajs.ts'
import type { PartitionStates } from './partition-states.ts'
import { fetchedRecords, type Undecodable } from './record-batch.ts'

/**
 * Returning means that all of the batch is durable, and its commit on the way. `Abandoned` has it delivered
 * again; `PartitionStopped` stops its partition; the errors of the lease are passed on as they
 * are. Any other error is a bug.
 */
export type HandleBatch = (batch: RecordBatch, lease: BatchLease) => Promise<void>

export interface BatchHandler {
  readonly handle: HandleBatch
  readonly partitions: PartitionStates
  /** Aborted once the worker is to stop. */
  readonly signal: AbortSignal
  readonly log: Log
  /** Called at most once a batch; nothing more is to be handled after it. */
  readonly onFailed: (error: ConsumerFailed) => void
}

export async function handleBatch(payload: EachBatchPayload, handler: BatchHandler): Promise<void> {
  const { batch } = payload
  const { partitions, signal, log } = handler
  if (signal.aborted) return
  const highWatermark = BigInt(batch.highWatermark)
  try {
    const fetched = readBatch(payload)
    if (fetched.batch !== undefined) {
      await handler.handle(fetched.batch, leaseOf(payload, handler))
      resolve(payload, fetched.batch.nextOffset, log)
      partitions.advance(batch.partition, fetched.batch.nextOffset, highWatermark)
    }
    if (fetched.stop !== undefined) throw fetched.stop
  } catch (error) {
    if (error instanceof Abandoned) return
    if (error instanceof PartitionStopped) return stopPartition(error, payload, handler)
    if (signal.aborted) {
      log.debug({ error: String(error) }, 'a batch was given up, as the worker stops')
      return
    }
    if (isKafkajsError(error)) throw error
    payload.pause()
    handler.onFailed(bugIn(batch, error))
  }
}

/** The records that can be read, and where the partition stops behind them, if it does. */
function readBatch({ batch }: EachBatchPayload): { batch?: RecordBatch; stop?: PartitionStopped } {
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
  { firstOffset, lastOffset, bytes, reason }: Undecodable,
  isFirst: boolean,
): PartitionStopped {
  // after a skip, or an offset set by hand, reading may go on within a batch
  const fetched = fetchOffsetOf(batch)
  const offset = isFirst && fetched > firstOffset ? fetched : firstOffset
  const message =
    `the batch of offsets ${firstOffset} to ${lastOffset} of ${batch.topic}/${batch.partition} ` +
    `(${bytes} bytes) cannot be read: ${reason}. The partition stops at offset ${offset}. ` +
    `Raise kafka.maxBatchBytes, or set the batch aside with ` +
    `\`group-traits skip ${batch.partition} ${offset}\``
  return new PartitionStopped(offset, message)
}

/** What was asked for, which kafkajs' types keep to themselves. */
function fetchOffsetOf(batch: EachBatchPayload['batch'] & { fetchedOffset?: unknown }): bigint {
  return BigInt(String(batch.fetchedOffset))
}

function leaseOf(payload: EachBatchPayload, { partitions, signal }: BatchHandler): BatchLease {
  const { topic, partition } = payload.batch
  const { generation, committer, topicId } = partitions
  const assertOwned = () => {
    committer.assertWorking()
    // another fetch found a rebalance while this batch was in hand
    if (partitions.generation !== generation) {
      throw new Abandoned(`partition ${partition} may have another owner by now`)
    }
  }
  const send: SendOffsets = async (nextOffsets) => {
    assertOwned()
    const metadata = commitMetadata(topicId)
    const offsets = Array.from(nextOffsets, ([partition, offset]) => {
      return { partition, offset: String(offset), metadata }
    })
    await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions: offsets }] })
  }
  return {
    signal,
    heartbeat: async () => {
      assertOwned()
      await payload.heartbeat()
    },
    commit: async (nextOffset) => {
      assertOwned()
      committer.commit(partition, nextOffset, send)
      if (!signal.aborted) return
      // the group is left once the batch is done
      await committer.settled()
      committer.assertWorking()
    },
  }
}

function resolve(payload: EachBatchPayload, nextOffset: bigint, log: Log): void {
  try {
    payload.resolveOffset(String(nextOffset - 1n))
  } catch (error) {
    // a rebalance in between left us without any partition; the commit holds all the same
    log.debug({ error: String(error) }, 'the partition of a finished batch is no longer ours')
  }
}

function stopPartition(
  { offset, message, cause }: PartitionStopped,
  { batch, pause }: EachBatchPayload,
  { partitions, log }: BatchHandler,
): void {
  pause()
  const { topic, partition } = batch
  if (partitions.stop(partition, offset, message, BigInt(batch.highWatermark))) {
    log.error({ topic, partition, offset: String(offset), err: cause }, message)
  }
}

function bugIn(batch: EachBatchPayload['batch'], error: unknown): ConsumerFailed {
  const message =
    `the batch of ${batch.topic}/${batch.partition} from offset ${batch.firstOffset()} on hit a ` +
    `bug: ${error instanceof Error ? error.message : String(error)}`
  return new ConsumerFailed(message, { cause: error })
}
