/**
 * From what kafkajs fetched to the pipeline's `handle`, and from how that came out back to
 * what kafkajs is to do next. `eachBatch` resolves once the batch is decoded; the rest goes on
 * behind it, see batches-in-hand.ts.
 *
 * Nothing but kafkajs' own errors may leave `eachBatch`: it would try a plain error again six
 * times, and dies of a TypeError in silence.
 */
import { Abandoned, PartitionStopped, Rewound } from '../../pipeline/errors.ts'
import type { BatchContext, Log, RecordBatch } from '../../pipeline/ports.ts'
import { isKafkajsError } from '../client/failures.ts'
import type { EachBatchPayload } from '../client/kafkajs.ts'
import { createBatchContext } from './batch-context.ts'
import type { InFlightBatch, Outcome } from './batches-in-flight.ts'
import { ConsumerFailed } from './consumer-failed.ts'
import { fetchOffsetOf, readBatch } from './fetched-batch.ts'
import type { PartitionStates } from './partition-states.ts'

/**
 * Returning means that all of the batch is durable, and its commit on the way. `Abandoned` has it
 * delivered again: whoever throws it sees to that. `PartitionStopped` stops its partition; the
 * errors of the context are passed on as they are. Any other error is a bug.
 */
export type HandleBatch = (batch: RecordBatch, context: BatchContext) => Promise<void>

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
  const { inFlight } = handler.partitions
  // not at once: kafkajs would fetch the same again and again until the last batch is done
  if (handler.signal.aborted) return await inFlight.settled()
  await inFlight.begin(payload.batch.partition, (hand) => finishBatch(payload, handler, hand))
}

/** From decoding to its end. */
async function finishBatch(
  payload: EachBatchPayload,
  handler: BatchHandler,
  hand: InFlightBatch,
): Promise<Outcome> {
  const { partitions, signal } = handler
  if (signal.aborted) return 'given up'
  const { partition } = payload.batch
  const { generation } = partitions
  const reading = partitions.readingOf(partition)
  const isReadOn = () => partitions.readingOf(partition) === reading
  const onError = (error: unknown) => {
    if (error instanceof PartitionStopped) {
      // else the record is met again
      if (isReadOn()) stopPartition(error, payload, handler)
    } else {
      actOn(error, payload, handler, partitions.generation === generation)
    }
  }
  try {
    const step = stepLogger(payload, handler.log)
    step('a batch is in hand')
    const { batch, stop } = readBatch(payload)
    const readOn = batch && resolveOnce(payload, batch.nextOffset, handler.log)
    const turn = async () => {
      // where it stops, kafkajs would fetch what cannot be read again and again
      if (stop === undefined) {
        readOn?.()
        hand.release()
      }
      await hand.turn()
      step('a batch has its turn')
    }
    if (batch === undefined) await turn()
    else await handler.handle(batch, createBatchContext(payload, handler, turn, onError))
    readOn?.()
    if (batch !== undefined && isReadOn()) {
      partitions.advance(batch.partition, batch.nextOffset, batch.highWatermark)
    }
    step('a batch is durable')
    if (stop !== undefined) throw stop
    return 'durable'
  } catch (error) {
    onError(error)
    const isMetAgain = error instanceof Rewound || error instanceof PartitionStopped
    return isMetAgain ? 'read again' : 'given up'
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
  if (error instanceof Abandoned) {
    const { topic, partition } = payload.batch
    log.debug({ topic, partition, reason: error.message }, 'a batch was given up: it comes again')
    return
  }
  if (signal.aborted) {
    log.debug({ error: String(error) }, 'a batch was given up, as the worker stops')
  } else if (!isKafkajsError(error)) {
    payload.pause()
    const bug = bugIn(payload.batch, error)
    // of an assignment that is over, nobody may wait any more for what this session ends with
    if (!isOurs) log.error({ err: bug }, bug.message)
    handler.onFailed(bug)
  } else if (isOurs) {
    partitions.inFlight.fail(error)
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

/** For whoever looks for a batch that hangs. */
function stepLogger({ batch }: EachBatchPayload, log: Log): (step: string) => void {
  const { topic, partition } = batch
  const facts = { topic, partition, from: String(fetchOffsetOf(batch)), to: batch.lastOffset() }
  return (step) => log.debug(facts, step)
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
