/**
 * The way of a record, whole: decode, fold, merge in Redis, dead letters, commit. While one
 * batch of a partition is merged, the next one is decoded and waits for its turn.
 *
 * Returning means that everything in the batch is durable, and its offset handed over to be
 * committed; throwing means that it will be delivered again, which the merge does not mind.
 */
import type { DeadLetter } from '../domain/dead-letter.ts'
import type { Decoded, Decoder } from '../domain/event/decode.ts'
import { foldInto, type GroupState } from '../domain/merge/merge.ts'
import type { Problem, Reason } from '../domain/problem.ts'
import type { KafkaRecord } from '../domain/record.ts'
import type { CheckpointedStore } from './checkpointed-store.ts'
import { PartitionStopped } from './errors.ts'
import type { BatchContext, DeadLetterTopic, RecordBatch, StateConflict } from './ports.ts'
import { type RetryRules, waitOut } from './retry.ts'

export interface Pipeline {
  readonly decoder: Decoder
  readonly store: Pick<CheckpointedStore, 'merge'>
  readonly deadLetters: DeadLetterTopic
  readonly retry: RetryRules
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Milliseconds from any fixed moment, for measuring. */
  readonly elapsed: () => number
  /** So many records are decoded at a stretch; then what else waits for the event loop goes on. */
  readonly stretch: number
  /** Resolves once the event loop has sent and received what it could. */
  readonly yieldLoop: () => Promise<unknown>
}

export async function processBatch(
  batch: RecordBatch,
  context: BatchContext,
  pipeline: Pipeline,
): Promise<BatchReport> {
  const { decoder, store, deadLetters, retry, now, elapsed } = pipeline
  const startedMs = elapsed()
  const nowMs = now()
  const folded = await decodeAndFold(batch, nowMs, pipeline)
  const next = folded.stop?.offset ?? batch.nextOffset

  const foldedMs = elapsed()
  await context.turn()

  const turnMs = elapsed()
  const patches = [...folded.patches.values()]
  const conflicts = await waitOut(() => store.merge(batch, next, patches), context, retry)

  const mergedMs = elapsed()
  const letters = [...folded.rejected, ...conflicted(batch, next, conflicts, decoder, nowMs)]
  if (letters.length > 0) await waitOut(() => deadLetters.write(letters), context, retry)

  const writtenMs = elapsed()
  await context.commit(next)
  if (folded.stop !== undefined) throw folded.stop

  return {
    topic: batch.topic,
    partition: batch.partition,
    records: batch.records.length,
    accepted: folded.accepted,
    erasures: folded.erasures,
    ignored: folded.ignored,
    deadLetters: countReasons(letters),
    groups: folded.patches.size,
    firstTimestampMs: Number(batch.records[0]?.timestamp ?? -1),
    lag: batch.highWatermark - next,
    decodeMs: foldedMs - startedMs,
    waitMs: turnMs - foldedMs,
    mergeMs: mergedMs - turnMs,
    deadLetterMs: writtenMs - mergedMs,
    commitMs: elapsed() - writtenMs,
  }
}

/** What became of a batch: for logs and metrics, which are made of it elsewhere. */
export interface BatchReport {
  readonly topic: string
  readonly partition: number
  readonly records: number
  readonly accepted: number
  readonly erasures: number
  /** Events of another type, passed over. */
  readonly ignored: number
  readonly deadLetters: ReadonlyMap<Reason, number>
  /** Groups that were written. */
  readonly groups: number
  /** Kafka timestamp of the first record, in milliseconds; -1: none. */
  readonly firstTimestampMs: number
  /** Records of the partition that are still to be read. */
  readonly lag: bigint
  /** Decoding and folding, and what else the event loop did in between. */
  readonly decodeMs: number
  /** For the batch before of the partition to be durable. */
  readonly waitMs: number
  readonly mergeMs: number
  readonly deadLetterMs: number
  readonly commitMs: number
}

interface FoldedBatch {
  /** One a group. */
  readonly patches: Map<string, GroupState>
  readonly rejected: DeadLetter[]
  accepted: number
  erasures: number
  ignored: number
  /** Set where a record hit a bug: what stands before it is all that there is. */
  stop?: PartitionStopped
}

/** Each event is folded as soon as it is decoded, so that nothing of it need be kept. */
async function decodeAndFold(
  batch: RecordBatch,
  nowMs: number,
  { decoder, stretch, yieldLoop }: Pipeline,
): Promise<FoldedBatch> {
  const folded: FoldedBatch = {
    patches: new Map(),
    rejected: [],
    accepted: 0,
    erasures: 0,
    ignored: 0,
  }
  for (const [index, record] of batch.records.entries()) {
    if (index > 0 && index % stretch === 0) await yieldLoop()
    try {
      add(folded, batch, record, decoder.decodeRecord(record, nowMs))
    } catch (bug) {
      folded.stop = stopAt(batch, record, bug)
      break
    }
  }
  return folded
}

function add(folded: FoldedBatch, batch: RecordBatch, record: KafkaRecord, decoded: Decoded): void {
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
      folded.rejected.push(deadLetter(batch, record, decoded.problems[0]))
      return
    default:
      decoded satisfies never
  }
}

/**
 * Every event before `next` of the groups that could not be written: rare, so that decoding
 * again is fine.
 */
function conflicted(
  batch: RecordBatch,
  next: bigint,
  conflicts: readonly StateConflict[],
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
    return [deadLetter(batch, record, { reason: 'state_conflict', path: '/group_id', message })]
  })
}

function deadLetter(
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
    `the partition stops there. Report it, or set the record aside with ` +
    `\`group-traits skip ${batch.partition} ${record.offset}\``
  return new PartitionStopped(BigInt(record.offset), message, { cause: bug })
}

function countReasons(letters: readonly DeadLetter[]): Map<Reason, number> {
  const counts = new Map<Reason, number>()
  for (const { problem } of letters) {
    counts.set(problem.reason, (counts.get(problem.reason) ?? 0) + 1)
  }
  return counts
}
