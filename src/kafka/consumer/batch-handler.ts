/**
 * Takes a batch from kafkajs, passes it to the pipeline's `handle`, and turns the result into what
 * kafkajs does next. `eachBatch` resolves once the batch is decoded; the rest of the work goes on
 * in the background, see batches-in-flight.ts.
 *
 * No error but kafkajs' own may leave `eachBatch`: kafkajs retries a plain error six times, and
 * after a TypeError it stops consuming without a word.
 */
import { Abandoned, PartitionStopped, Rewound } from '../../pipeline/errors.ts'
import type { BatchContext, Log, RecordBatch } from '../../pipeline/ports.ts'
import { isKafkajsError } from '../client/error-translation.ts'
import type { EachBatchPayload } from '../client/kafkajs.ts'
import { createBatchContext } from './batch-context.ts'
import type { InFlightBatch, Outcome } from './batches-in-flight.ts'
import { ConsumerFailed } from './consumer-failed.ts'
import { fetchOffsetOf, readBatch } from './fetched-batch.ts'
import type { PartitionStates } from './partition-states.ts'

/**
 * Processes a batch. Returning means that all of it is durable and its offset is handed over to be
 * committed. Throwing `Abandoned` means that the batch is redelivered; whoever throws it makes sure
 * of that. `PartitionStopped` stops the partition. Errors of the context are passed on unchanged.
 * Any other error is a bug.
 */
export type HandleBatch = (batch: RecordBatch, context: BatchContext) => Promise<void>

export interface BatchHandler {
  readonly handle: HandleBatch
  readonly partitions: PartitionStates
  /** Aborted once the worker is to stop. */
  readonly signal: AbortSignal
  readonly log: Log
  /**
   * Called with an error that must end the session: a bug, or an error after which kafkajs would
   * read on without redelivering an abandoned batch. It may be called several times.
   */
  readonly onFailed: (error: unknown) => void
}

/** @throws only errors of kafkajs, for kafkajs to act on */
export async function handleBatch(payload: EachBatchPayload, handler: BatchHandler): Promise<void> {
  const { inFlight } = handler.partitions
  // if this returned at once, kafkajs would fetch the same records until the last batch is done
  if (handler.signal.aborted) return await inFlight.settled()
  await inFlight.begin(payload.batch.partition, (own) => finishBatch(payload, handler, own))
}

/** Decodes the batch and takes it to its end. Never rejects. */
async function finishBatch(
  payload: EachBatchPayload,
  handler: BatchHandler,
  own: InFlightBatch,
): Promise<Outcome> {
  const { partitions, signal } = handler
  if (signal.aborted) return 'abandoned'
  const { partition } = payload.batch
  const { assignment } = partitions
  const readId = partitions.readIdOf(partition)
  const isUninterrupted = () => partitions.readIdOf(partition) === readId
  const onError = (error: unknown) => {
    if (error instanceof PartitionStopped) {
      // after a seek, the same record is found again, and stops the partition then
      if (isUninterrupted()) stopPartition(error, payload, handler)
    } else {
      actOn(error, payload, handler, partitions.assignment === assignment)
    }
  }
  try {
    const logStep = stepLogger(payload, handler.log)
    logStep('a batch is in flight')
    const { batch, stop } = readBatch(payload)
    const resolve = batch && resolveOnce(payload, batch.nextOffset, handler.log)
    const waitForTurn = async () => {
      // with a stop, kafkajs would fetch the unreadable records again and again until it is paused
      if (stop === undefined) {
        resolve?.()
        own.release()
      }
      await own.waitForTurn()
      logStep('a batch has its turn')
    }
    if (batch === undefined) await waitForTurn()
    else await handler.handle(batch, createBatchContext(payload, handler, waitForTurn, onError))
    resolve?.()
    if (batch !== undefined && isUninterrupted()) {
      partitions.advance(batch.partition, batch.nextOffset, batch.highWatermark)
    }
    logStep('a batch is durable')
    if (stop !== undefined) throw stop
    return 'durable'
  } catch (error) {
    onError(error)
    const isRewound = error instanceof Rewound || error instanceof PartitionStopped
    return isRewound ? 'rewound' : 'abandoned'
  }
}

/** @param isOurs whether the assignment is still the one that the batch was fetched under */
function actOn(
  error: unknown,
  payload: EachBatchPayload,
  handler: BatchHandler,
  isOurs: boolean,
): void {
  const { partitions, signal, log } = handler
  if (error instanceof Abandoned) {
    const { topic, partition } = payload.batch
    log.debug({ topic, partition, reason: error.message }, 'abandoned a batch: it is redelivered')
    return
  }
  if (signal.aborted) {
    log.debug({ error: String(error) }, 'abandoned a batch, because the worker stops')
  } else if (!isKafkajsError(error)) {
    payload.pause()
    const bug = bugIn(payload.batch, error)
    // the session of an earlier assignment may have ended: then nobody else reports its errors
    if (!isOurs) log.error({ err: bug }, bug.message)
    handler.onFailed(bug)
  } else if (isOurs) {
    partitions.inFlight.fail(error)
    if (!isOfRebalance(error)) handler.onFailed(error)
  }
}

/**
 * Whether kafkajs rejoins the group on this error, and so continues from the commits. If no batch
 * is left to throw it to kafkajs, the next heartbeat fails with the same error.
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

/** Logs each step of a batch, so that the log shows where a batch hangs. */
function stepLogger({ batch }: EachBatchPayload, log: Log): (step: string) => void {
  const { topic, partition } = batch
  const facts = { topic, partition, from: String(fetchOffsetOf(batch)), to: batch.lastOffset() }
  return (step) => log.debug(facts, step)
}

/**
 * Returns a function that lets kafkajs fetch the records after the batch. Only its first call has an
 * effect: a later one would overwrite the offset of a seek.
 */
function resolveOnce({ resolveOffset }: EachBatchPayload, nextOffset: bigint, log: Log) {
  let isResolved = false
  return () => {
    if (isResolved) return
    isResolved = true
    try {
      resolveOffset(String(nextOffset - 1n))
    } catch (error) {
      // kafkajs throws a TypeError if a rebalance left us without partitions; a commit still holds
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
