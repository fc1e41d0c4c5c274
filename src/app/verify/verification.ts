/**
 * Folds the topic anew and compares it with what stands in Redis, while the workers go on.
 *
 * First the workers pass the offsets that the topic ends at now. Then, pass by pass, the groups
 * of a range of hashes are folded up to there, read from Redis and judged; at last the user
 * index is walked through for entries that no group explains. Nothing is written anywhere.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../../pipeline/ports.ts'
import type { RedisConnection } from '../../redis/connection/connection.ts'
import type { Retry } from '../../redis/reading/key-walk.ts'
import type { Config } from '../config/config.ts'
import { countOffsets, type Offsets } from '../topic-fold.ts'
import { endsOf, openTopicView, type TopicView, type Unknowable } from '../topic-view.ts'
import { compareRange } from './comparison.ts'
import { ALL_HASHES, foldRange, nextRange } from './passes.ts'
import { type Sums, Tally } from './tally.ts'
import { compareIndex } from './user-index.ts'
import { untilPassed } from './workers.ts'

export interface VerificationOptions {
  readonly config: Pick<Config, 'kafka' | 'events'>
  readonly log: Log
  readonly redis: RedisConnection
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly signal: AbortSignal
  /** About how much memory the folded groups of one pass may take, in bytes. */
  readonly maxBytes: number
  /** How many differences are told one by one; all are counted. */
  readonly limit: number
  /** For how long the workers may stand still before they are given up. */
  readonly workersTimeoutMs: number
  /** What to do while Kafka or Redis is away. */
  readonly patience: { readonly kafka: Retry; readonly redis: Retry }
  readonly onStep: (step: Step) => void
}

/** What is being done; told again and again. */
export type Step =
  | { readonly kind: 'beginning' }
  | { readonly kind: 'waiting'; readonly lag: bigint }
  | ReadingStep
  | {
      readonly kind: 'comparing'
      readonly pass: number
      readonly groups: number
      readonly total: number
    }
  | { readonly kind: 'looking again'; readonly groups: number }
  | { readonly kind: 'index'; readonly entries: number }

export interface ReadingStep {
  readonly kind: 'reading'
  readonly pass: number
  /** Of all groups, that were done before this pass. */
  readonly share: number
  /** Read in this pass, of all that it reads. */
  readonly records: number
  readonly total: number
}

export interface Verdict extends Sums {
  readonly passes: number
  /** Offsets that were read up to, those of the start. */
  readonly ends: Offsets
  readonly unknowable: Unknowable
}

/** What the parts of a verification share. */
export interface VerificationContext extends VerificationOptions {
  readonly topic: TopicView
  /** Where the topic ended at the start. */
  readonly ends: Offsets
  readonly tally: Tally
  /** Resolves once the workers have merged all before these offsets. */
  untilPassed(ends: Offsets): Promise<void>
}

/** @throws WorkersBehind, NotRetriable, Unavailable; the signal's reason where it was aborted */
export async function verify(options: VerificationOptions): Promise<Verdict> {
  const context = await begin(options)
  const { ends, maxBytes, tally, topic } = context
  await context.untilPassed(ends)
  let passes = 0
  for (let range = ALL_HASHES; range.from < ALL_HASHES.to; ) {
    passes++
    const folded = await foldRange(readingOf(context, passes, range.from), range, maxBytes)
    await compareRange(context, folded, passes)
    range = nextRange(folded, maxBytes)
  }
  if (options.redis.settings.userIndex) await compareIndex(context)
  return { ...tally.sums(), passes, ends, unknowable: topic.unknowable() }
}

async function begin(options: VerificationOptions): Promise<VerificationContext> {
  const { config, onStep, signal, workersTimeoutMs, limit } = options
  onStep({ kind: 'beginning' })
  const topic = await openTopicView(options)
  const ends = endsOf(await topic.offsets())
  const wait = {
    topic,
    patienceMs: workersTimeoutMs,
    onWaiting: (lag: bigint) => onStep({ kind: 'waiting', lag }),
    consumerGroup: config.kafka.groupId,
    signal,
    elapsed: () => performance.now(),
    sleep: (ms: number, signal: AbortSignal) => sleep(ms, undefined, { signal }),
  }
  return {
    ...options,
    topic,
    ends,
    tally: new Tally(limit),
    untilPassed: (offsets) => untilPassed(offsets, wait),
  }
}

/** All records up to the offsets of the start, with progress. */
function readingOf(context: VerificationContext, pass: number, from: number) {
  const { config, log, now, signal, ends, topic, onStep } = context
  const share = from / ALL_HASHES.to
  const total = countOffsets(topic.unknowable().removed, ends)
  let records = 0
  const onProgress = (count: number) => {
    records += count
    onStep({ kind: 'reading', pass, share, records, total })
  }
  onProgress(0)
  return { config, log, now, signal, to: ends, onUnreadable: topic.note, onProgress }
}
