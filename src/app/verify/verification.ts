/**
 * Compares the state in Redis with the fold of the topic, while the workers go on. Writes nothing.
 *
 *   1. wait      until the workers have passed the offsets at which the topic ends now
 *   2. passes    over a range of groups each, so that memory stays bounded (passes.ts):
 *                fold the topic up to these offsets, then compare each group (comparison.ts), and
 *                check again what differs, as workers may have merged in between (suspects.ts)
 *   3. index     look for entries of the user index that no group explains (user-index.ts)
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { countOffsets, type Offsets } from '../topic-reader.ts'
import { endsOf, openTopicView, type Unknowable } from '../topic-view.ts'
import { compareRange } from './comparison.ts'
import type { VerificationContext, VerificationOptions } from './context.ts'
import { ALL_HASHES, foldRange, nextRange } from './passes.ts'
import { type Sums, Tally } from './tally.ts'
import { compareIndex } from './user-index.ts'
import { waitForWorkers } from './workers.ts'

export type { Step, VerificationOptions } from './context.ts'

export interface Verdict extends Sums {
  readonly passes: number
  /** The offsets up to which the topic was folded: where it ended at the beginning. */
  readonly ends: Offsets
  readonly unknowable: Unknowable
}

/** @throws WorkersBehind; NotRetriable; Unavailable; the signal's reason */
export async function verify(options: VerificationOptions): Promise<Verdict> {
  const context = await begin(options)
  const { ends, maxBytes, tally, topic } = context
  await context.waitForWorkers(ends)
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
    timeoutMs: workersTimeoutMs,
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
    waitForWorkers: (offsets) => waitForWorkers(offsets, wait),
  }
}

/** What a pass reads: all records before the ends, with progress. */
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
  return { config, log, now, signal, to: ends, onUnreadable: topic.addUnreadable, onProgress }
}
