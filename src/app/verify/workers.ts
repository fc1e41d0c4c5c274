/** Waits until the workers have merged all records before given offsets. */
import type { PartitionOffsets } from '../../pipeline/ports.ts'
import type { Offsets } from '../topic-reader.ts'
import type { TopicView } from '../topic-view.ts'

/** The workers make no progress: Redis does not hold what they would make of the topic. */
export class WorkersBehind extends Error {
  override readonly name = 'WorkersBehind'
}

export interface WorkersWait {
  readonly topic: Pick<TopicView, 'offsets'>
  /** How long the workers may make no progress. */
  readonly timeoutMs: number
  /** Called with the number of records that the workers have still to merge. */
  readonly onWaiting: (lag: bigint) => void
  /** Name of the workers' consumer group, for the message. */
  readonly consumerGroup: string
  readonly signal: AbortSignal
  /** Milliseconds on a clock that never goes back. */
  readonly elapsed: () => number
  /** Resolves after that many milliseconds; rejects if the signal is aborted before. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<unknown>
}

/**
 * Resolves once the consumer group has passed these offsets. That may take any time, as long as the
 * group makes progress.
 *
 * @throws WorkersBehind
 */
export async function waitForWorkers(
  ends: Offsets,
  { topic, timeoutMs, onWaiting, consumerGroup, signal, elapsed, sleep }: WorkersWait,
): Promise<void> {
  let last: bigint | undefined
  let changedAtMs = elapsed()
  for (;;) {
    const behind = partitionsBehind(await topic.offsets(), ends)
    const lag = behind.reduce((sum, { lag }) => sum + lag, 0n)
    if (lag === 0n) return
    // a growing lag is progress, too: workers replay what Redis lost
    if (lag !== last) {
      last = lag
      changedAtMs = elapsed()
    } else if (elapsed() - changedAtMs > timeoutMs) {
      throw new WorkersBehind(messageOf(consumerGroup, lag, behind, timeoutMs))
    }
    onWaiting(lag)
    await sleep(POLL_MS, signal)
  }
}

const POLL_MS = 500

interface PartitionBehind {
  readonly partition: number
  readonly next: bigint
  readonly lag: bigint
}

function partitionsBehind(
  offsets: readonly PartitionOffsets[],
  ends: Offsets,
): readonly PartitionBehind[] {
  return offsets.flatMap(({ partition, next }) => {
    const lag = (ends.get(partition) ?? 0n) - next
    return lag > 0n ? [{ partition, next, lag }] : []
  })
}

function messageOf(
  consumerGroup: string,
  lag: bigint,
  behind: readonly PartitionBehind[],
  timeoutMs: number,
): string {
  const places = behind
    .slice(0, SHOWN)
    .map(({ partition, next, lag }) => `partition ${partition} is at ${next}, ${lag} behind`)
  const more = behind.length > SHOWN ? ` and ${behind.length - SHOWN} more partitions` : ''
  return (
    `no worker makes progress: consumer group ${consumerGroup} has a lag of ${lag} records and has ` +
    `not moved for ${timeoutMs / 1000} s (${places.join('; ')}${more}). A partition is at its commit ` +
    'in Kafka, or at its checkpoint in Redis if that is behind the commit. Nothing was compared: ' +
    'start the workers, or look into /readyz and the log of those that run'
  )
}

const SHOWN = 3
