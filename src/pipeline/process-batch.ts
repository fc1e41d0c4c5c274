/**
 * The whole path of a batch: decode, fold, merge in Redis, write dead letters, commit.
 *
 * While one batch of a partition is merged, the next one is decoded and folded; then it waits for
 * its turn. Returning means that every record of the batch is durable and its offset is handed
 * over to be committed. PartitionStopped means the same for the records before the one that hit a
 * bug, and the partition stops there. After any other error the batch is redelivered, which is
 * safe because the merge is idempotent.
 */
import type { DeadLetter } from '../domain/dead-letter.ts'
import type { Decoded, Decoder } from '../domain/event/decode.ts'
import { foldInto, type GroupState } from '../domain/merge/merge.ts'
import type { Problem, Reason } from '../domain/problem.ts'
import type { KafkaRecord } from '../domain/record.ts'
import type { CheckpointedStore } from './checkpointed-store.ts'
import { PartitionStopped } from './errors.ts'
import type { BatchContext, DeadLetterTopic, RecordBatch, StateConflict } from './ports.ts'
import { type RetryRules, retryUntilAvailable } from './retry.ts'

export interface Pipeline {
  readonly decoder: Decoder
  readonly store: Pick<CheckpointedStore, 'merge'>
  readonly deadLetterTopic: DeadLetterTopic
  readonly retry: RetryRules
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Milliseconds since any fixed moment, to measure durations. */
  readonly elapsed: () => number
  /** How many records are decoded before the event loop gets a chance to do other work. */
  readonly recordsPerYield: number
  /** Resolves once the event loop has done the I/O that was ready. */
  readonly yieldLoop: () => Promise<unknown>
}

/**
 * Processes one batch to its commit, and reports what became of it.
 *
 * @throws PartitionStopped at a record that hits a bug, once all records before it are durable and
 *   their commit is handed over; what `context` throws; Abandoned
 */
export async function processBatch(
  batch: RecordBatch,
  context: BatchContext,
  pipeline: Pipeline,
): Promise<BatchReport> {
  const { decoder, store, deadLetterTopic, retry, now, elapsed } = pipeline
  const startedMs = elapsed()
  const nowMs = now()
  const folded = await decodeAndFold(batch, nowMs, pipeline)
  const next = folded.stop?.offset ?? batch.nextOffset

  const foldedMs = elapsed()
  await context.waitForTurn()

  const turnMs = elapsed()
  const patches = [...folded.patches.values()]
  const merge = () => store.merge(batch, next, patches)
  const conflicts = await retryUntilAvailable(merge, context, retry)

  const mergedMs = elapsed()
  const conflicting = deadLettersOfConflicts(conflicts, batch, next, decoder, nowMs)
  const deadLetters = [...folded.rejected, ...conflicting]
  const write = () => deadLetterTopic.write(deadLetters)
  if (deadLetters.length > 0) await retryUntilAvailable(write, context, retry)

  const writtenMs = elapsed()
  await context.commit(next)
  if (folded.stop !== undefined) throw folded.stop

  return {
    ...countsOf(batch, folded, deadLetters),
    lag: batch.highWatermark - next,
    decodeMs: foldedMs - startedMs,
    waitMs: turnMs - foldedMs,
    mergeMs: mergedMs - turnMs,
    deadLetterMs: writtenMs - mergedMs,
    commitMs: elapsed() - writtenMs,
  }
}

/** What became of a batch. The caller turns it into logs and metrics. */
export interface BatchReport extends BatchCounts {
  /** Records of the partition after this batch. */
  readonly lag: bigint
  /** Decoding and folding, including other work that the event loop did meanwhile. */
  readonly decodeMs: number
  /** Waiting until the partition's previous batch was durable. */
  readonly waitMs: number
  readonly mergeMs: number
  readonly deadLetterMs: number
  /** Until the offset was handed over; the commit request itself may still be on its way. */
  readonly commitMs: number
}

interface BatchCounts {
  readonly topic: string
  readonly partition: number
  readonly records: number
  readonly accepted: number
  readonly erasures: number
  /** Events of another type: neither merged nor dead letters. */
  readonly ignored: number
  readonly deadLetters: ReadonlyMap<Reason, number>
  /** How many groups the batch had patches for. */
  readonly groups: number
  /** Kafka timestamp of the first record, in milliseconds; -1: none. */
  readonly firstTimestampMs: number
}

interface FoldedBatch {
  /** By group id. */
  readonly patches: Map<string, GroupState>
  readonly rejected: DeadLetter[]
  accepted: number
  erasures: number
  ignored: number
  /** Set if a record hit a bug: then only the records before it were folded. */
  stop?: PartitionStopped
}

/** Folds each event as soon as it is decoded, so that decoded events do not pile up in memory. */
async function decodeAndFold(
  batch: RecordBatch,
  nowMs: number,
  { decoder, recordsPerYield, yieldLoop }: Pipeline,
): Promise<FoldedBatch> {
  const folded: FoldedBatch = {
    patches: new Map(),
    rejected: [],
    accepted: 0,
    erasures: 0,
    ignored: 0,
  }
  for (const [index, record] of batch.records.entries()) {
    if (index > 0 && index % recordsPerYield === 0) await yieldLoop()
    try {
      addDecoded(folded, batch, record, decoder.decodeRecord(record, nowMs))
    } catch (bug) {
      folded.stop = stopAt(batch, record, bug)
      break
    }
  }
  return folded
}

function addDecoded(
  folded: FoldedBatch,
  batch: RecordBatch,
  record: KafkaRecord,
  decoded: Decoded,
): void {
  switch (decoded.kind) {
    case 'group':
      folded.accepted++
      foldInto(folded.patches, decoded)
      return
    case 'erasure':
      folded.erasures++
      foldInto(folded.patches, decoded)
      return
    case 'ignored':
      folded.ignored++
      return
    case 'rejected':
      folded.rejected.push(deadLetterOf(batch, record, decoded.problems[0]))
      return
    default:
      decoded satisfies never
  }
}

/**
 * Returns a dead letter for every event before `next` whose group could not be written. It decodes
 * the batch a second time: conflicts are rare, and keeping every record's group is not free.
 */
function deadLettersOfConflicts(
  conflicts: readonly StateConflict[],
  batch: RecordBatch,
  next: bigint,
  decoder: Decoder,
  nowMs: number,
): DeadLetter[] {
  if (conflicts.length === 0) return []
  const messages = new Map(conflicts.map(({ groupId, message }) => [groupId, message]))
  return batch.records.flatMap((record) => {
    if (BigInt(record.offset) >= next) return []
    const decoded = decoder.decodeRecord(record, nowMs)
    if (decoded.kind !== 'group' && decoded.kind !== 'erasure') return []
    const message = messages.get(decoded.groupId)
    if (message === undefined) return []
    return [deadLetterOf(batch, record, { reason: 'state_conflict', path: '/group_id', message })]
  })
}

function deadLetterOf(
  { topic, partition }: RecordBatch,
  record: KafkaRecord,
  problem: Problem,
): DeadLetter {
  return { topic, partition, record, problem }
}

function stopAt(batch: RecordBatch, record: KafkaRecord, bug: unknown): PartitionStopped {
  const size = record.value?.length ?? 0
  const message =
    `record ${record.offset} of ${batch.topic}/${batch.partition} (${size} bytes) hit a bug: ` +
    `the partition stops there. Report it. To continue without the record, run ` +
    `\`group-traits skip ${batch.partition} ${record.offset}\``
  return new PartitionStopped(BigInt(record.offset), message, { cause: bug })
}

function countsOf(
  batch: RecordBatch,
  folded: FoldedBatch,
  deadLetters: readonly DeadLetter[],
): BatchCounts {
  return {
    topic: batch.topic,
    partition: batch.partition,
    records: batch.records.length,
    accepted: folded.accepted,
    erasures: folded.erasures,
    ignored: folded.ignored,
    deadLetters: countReasons(deadLetters),
    groups: folded.patches.size,
    firstTimestampMs: Number(batch.records[0]?.timestamp ?? -1),
  }
}

function countReasons(deadLetters: readonly DeadLetter[]): Map<Reason, number> {
  const counts = new Map<Reason, number>()
  for (const { problem } of deadLetters) {
    counts.set(problem.reason, (counts.get(problem.reason) ?? 0) + 1)
  }
  return counts
}
