/**
 * From what kafkajs fetched to the pipeline's `handle`, and from how that came out back to
 * what kafkajs is to do next. `eachBatch` resolves once the batch is decoded; the rest goes on
 * behind it, see batches-in-hand.ts.
 *
 * Nothing but kafkajs' own errors may leave `eachBatch`: it would try a plain error again six
 * times, and dies of a TypeError in silence.
 */
import { Abandoned, PartitionStopped } from '../pipeline/outage.ts'
import type { BatchLease, Log, RecordBatch } from '../pipeline/ports.ts'
import { leaseOf } from './batch-lease.ts'
import type { Hand } from './batches-in-hand.ts'
import { ConsumerFailed } from './consumer-failed.ts'
import { isKafkajsError } from './failures.ts'
import type { EachBatchPayload } from './kafkajs.ts'
import type { PartitionStates } from './partition-states.ts'
import { fetchedRecords, type Undecodable } from './record-batch.ts'

/**
 * Returning means that all of the batch is durable, and its commit on the way. `Abandoned` has it
 * delivered again: whoever throws it sees to that. `PartitionStopped` stops its partition; the
 * errors of the lease are passed on as they are. Any other error is a bug.
 */
export type HandleBatch = (batch: RecordBatch, lease: BatchLease) => Promise<void>

export interface BatchHandler {
  readonly handle: HandleBatch
  readonly partitions: PartitionStates
  /** Aborted once the worker is to stop. */
  readonly signal: AbortSignal
  readonly log: Log
  /**
   * Told of what the session is to end with: a bug, or an error of kafkajs after which it would
   * read on behind what was given up. It may be told of several.
   */
  readonly onFailed: (error: unknown) => void
}

/** @throws what kafkajs is to act on */
export async function handleBatch(payload: EachBatchPayload, handler: BatchHandler): Promise<void> {
  const { inHand } = handler.partitions
  // not at once: kafkajs would fetch the same again and again until the last batch is done
  if (handler.signal.aborted) return await inHand.settled()
  await inHand.begin(payload.batch.partition, (hand) => finishBatch(payload, handler, hand))
}

/** From decoding to durable, or given up: returns which. */
async function finishBatch(
  payload: EachBatchPayload,
  handler: BatchHandler,
  hand: Hand,
): Promise<boolean> {
  const { partitions, signal } = handler
  if (signal.aborted) return false
  const { generation } = partitions
  const isOurs = () => partitions.generation === generation
  const onError = (error: unknown) => actOn(error, payload, handler, isOurs())
  try {
    const { batch, stop } = readBatch(payload)
    const readOn = batch && resolveOnce(payload, batch.nextOffset, handler.log)
    const turn = async () => {
      // where it stops, kafkajs would fetch what cannot be read again and again
      if (stop === undefined) {
        readOn?.()
        hand.release()
      }
      await hand.turn()
    }
    if (batch === undefined) await turn()
    else await handler.handle(batch, leaseOf(payload, handler, turn, onError))
    readOn?.()
    if (batch !== undefined && isOurs()) {
      partitions.advance(batch.partition, batch.nextOffset, batch.highWatermark)
    }
    if (stop !== undefined) throw stop
    return true
  } catch (error) {
    onError(error)
    return false
  }
}

/** @param isOurs whether the partition is still the one that the batch was fetched for */
function actOn(
  error: unknown,
  payload: EachBatchPayload,
  handler: BatchHandler,
  isOurs: boolean,
): void {
  const { partitions, signal, log } = handler
  if (error instanceof Abandoned) return
  if (error instanceof PartitionStopped) {
    if (isOurs) stopPartition(error, payload, handler)
  } else if (signal.aborted) {
    log.debug({ error: String(error) }, 'a batch was given up, as the worker stops')
  } else if (!isKafkajsError(error)) {
    payload.pause()
    handler.onFailed(bugIn(payload.batch, error))
  } else if (isOurs) {
    partitions.inHand.fail(error)
    if (!isOfRebalance(error)) handler.onFailed(error)
  }
}

/**
 * Whether kafkajs joins the group anew on the error, and so goes back to the commits. Where
 * nobody hands it the error, its next heartbeat meets the same.
 */
function isOfRebalance(error: unknown): boolean {
  const type = typeof error === 'object' && error !== null && 'type' in error && error.type
  return typeof type === 'string' && REBALANCES.has(type)
}

const REBALANCES = new Set([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'NOT_COORDINATOR_FOR_GROUP',
  'UNKNOWN_MEMBER_ID',
])

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

/** Once only: later it would overwrite where reading was set back to. */
function resolveOnce({ resolveOffset }: EachBatchPayload, nextOffset: bigint, log: Log) {
  let isResolved = false
  return () => {
    if (isResolved) return
    isResolved = true
    try {
      resolveOffset(String(nextOffset - 1n))
    } catch (error) {
      // a rebalance in between left us without any partition; the commit holds all the same
      log.debug({ error: String(error) }, 'the partition of a batch is no longer ours')
    }
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
