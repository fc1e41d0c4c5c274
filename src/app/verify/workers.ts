/** Waits until the workers have merged all before given offsets. */
import type { PartitionOffsets } from '../../pipeline/ports.ts'
import type { Offsets } from '../topic-fold.ts'
import type { TopicView } from '../topic-view.ts'

/** Nobody reads: what stands in Redis says nothing of what workers would make of it. */
export class WorkersBehind extends Error {
  override readonly name = 'WorkersBehind'
}

export interface WorkersWait {
  readonly topic: Pick<TopicView, 'offsets'>
  /** For how long they may stand still. */
  readonly patienceMs: number
  /** Told how many records they still have to read. */
  readonly onWaiting: (lag: bigint) => void
  /** Name of the workers' consumer group, for the message. */
  readonly consumerGroup: string
  readonly signal: AbortSignal
  /** Milliseconds on a clock that never goes back. */
  readonly elapsed: () => number
  /** Resolves after so many milliseconds; rejects when the signal is aborted before. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<unknown>
}

/**
 * Resolves once the consumer group has passed these offsets, however long that takes, as long
 * as it moves.
 *
 * @throws WorkersBehind
 */
export async function untilPassed(
  ends: Offsets,
  { topic, patienceMs, onWaiting, consumerGroup, signal, elapsed, sleep }: WorkersWait,
): Promise<void> {
  let last: bigint | undefined
  let movedAtMs = elapsed()
  for (;;) {
    const behind = partitionsBehind(await topic.offsets(), ends)
    const lag = behind.reduce((sum, { lag }) => sum + lag, 0n)
    if (lag === 0n) return
    // also a lag that grows is a move: lost state is read again
    if (lag !== last) {
      last = lag
      movedAtMs = elapsed()
    } else if (elapsed() - movedAtMs > patienceMs) {
      throw new WorkersBehind(messageOf(consumerGroup, lag, behind, patienceMs))
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
  patienceMs: number,
): string {
  const places = behind
    .slice(0, SHOWN)
    .map(({ partition, next, lag }) => `partition ${partition} stands at ${next}, ${lag} behind`)
  const more = behind.length > SHOWN ? ` and ${behind.length - SHOWN} further partitions` : ''
  return (
    `nobody is reading: consumer group ${consumerGroup} has a lag of ${lag} records and has not ` +
    `moved for ${patienceMs / 1000} s (${places.join('; ')}${more}). What counts are its commits in ` +
    'Kafka, or its checkpoints in Redis where these are behind. Nothing was compared: start the ' +
    'workers, or look into /readyz and the log of those that run'
  )
}

const SHOWN = 3
