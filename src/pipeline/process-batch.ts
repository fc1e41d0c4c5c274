/**
 * The way of a record, whole: decode, fold, merge in Redis, dead letters, commit.
 *
 * Returning means that everything in the batch is durable and committed; throwing means that
 * it will be delivered again, which the merge does not mind.
 */
import type { DeadLetter } from '../domain/dead-letter.ts'
import type { Decoder, Rejected } from '../domain/decode.ts'
import type { Erasure, GroupEvent } from '../domain/event.ts'
import { fold } from '../domain/merge.ts'
import type { Reason } from '../domain/problem.ts'
import type { KafkaRecord } from '../domain/record.ts'
import { PartitionStopped } from './outage.ts'
import type {
  BatchLease,
  DeadLetterTopic,
  GroupStore,
  RecordBatch,
  StateConflict,
} from './ports.ts'
import { type RetryRules, waitOut } from './retry.ts'

export interface Pipeline {
  readonly decoder: Decoder
  readonly store: GroupStore
  readonly deadLetters: DeadLetterTopic
  readonly retry: RetryRules
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Milliseconds from any fixed moment, for measuring. */
  readonly elapsed: () => number
}

export async function processBatch(
  batch: RecordBatch,
  lease: BatchLease,
  { decoder, store, deadLetters, retry, now, elapsed }: Pipeline,
): Promise<BatchReport> {
  const startedMs = elapsed()
  const decoded = decodeBatch(batch, decoder, now())
  const patches = [...fold(decoded.events).values()]

  const decodedMs = elapsed()
  const conflicts = await waitOut(() => store.merge(patches), lease, retry)

  const mergedMs = elapsed()
  const letters = [...decoded.rejected, ...conflicted(decoded, conflicts)].map(
    ({ record, problem }): DeadLetter => ({
      topic: batch.topic,
      partition: batch.partition,
      record,
      problem,
    }),
  )
  if (letters.length > 0) await waitOut(() => deadLetters.write(letters), lease, retry)

  const writtenMs = elapsed()
  const next = decoded.stop?.offset ?? batch.nextOffset
  await lease.commit(next)
  if (decoded.stop !== undefined) throw decoded.stop

  return {
    topic: batch.topic,
    partition: batch.partition,
    records: batch.records.length,
    accepted: decoded.events.length - decoded.erasures,
    erasures: decoded.erasures,
    ignored: decoded.ignored,
    deadLetters: countReasons(letters),
    groups: patches.length,
    firstTimestampMs: Number(batch.records[0]?.timestamp ?? -1),
    lag: batch.highWatermark - next,
    decodeMs: decodedMs - startedMs,
    mergeMs: mergedMs - decodedMs,
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
  /** Decoding and folding. */
  readonly decodeMs: number
  readonly mergeMs: number
  readonly deadLetterMs: number
  readonly commitMs: number
}

type DeadRecord = Pick<DeadLetter, 'record' | 'problem'>

interface DecodedBatch {
  readonly events: (GroupEvent | Erasure)[]
  /** The record of each event, at the same place. */
  readonly records: KafkaRecord[]
  readonly rejected: DeadRecord[]
  erasures: number
  ignored: number
  /** Set where a record hit a bug: what stands before it is all that there is. */
  stop?: PartitionStopped
}

function decodeBatch(batch: RecordBatch, decoder: Decoder, nowMs: number): DecodedBatch {
  const batchSoFar: DecodedBatch = {
    events: [],
    records: [],
    rejected: [],
    erasures: 0,
    ignored: 0,
  }
  for (const record of batch.records) {
    try {
      addDecoded(batchSoFar, record, decoder.decodeRecord(record, nowMs))
    } catch (bug) {
      batchSoFar.stop = stopAt(batch, record, bug)
      break
    }
  }
  return batchSoFar
}

function addDecoded(
  batch: DecodedBatch,
  record: KafkaRecord,
  decoded: ReturnType<Decoder['decodeRecord']>,
): void {
  switch (decoded.kind) {
    case 'erasure':
      batch.erasures++
      batch.events.push(decoded)
      batch.records.push(record)
      return
    case 'group':
      batch.events.push(decoded)
      batch.records.push(record)
      return
    case 'ignored':
      batch.ignored++
      return
    case 'rejected':
      batch.rejected.push({ record, problem: firstProblem(decoded) })
      return
    default:
      decoded satisfies never
  }
}

function firstProblem({ problems }: Rejected) {
  return problems[0]
}

/** The records of the groups that could not be written: every event of theirs, in order. */
function conflicted(batch: DecodedBatch, conflicts: readonly StateConflict[]): DeadRecord[] {
  if (conflicts.length === 0) return []
  const messages = new Map(conflicts.map(({ groupId, message }) => [groupId, message]))
  return batch.records.flatMap((record, index) => {
    const message = messages.get(batch.events[index]?.groupId ?? '')
    if (message === undefined) return []
    return [{ record, problem: { reason: 'state_conflict', path: '/group_id', message } }]
  })
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
