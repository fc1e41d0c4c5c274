/**
 * Ends a worker that has records to read, no outage to wait for, and makes no progress: a
 * batch whose promise never settles, a consumer that forgot a partition. Nothing else would
 * notice, for such a worker sends its heartbeats and answers its probes.
 *
 * Whether there are records to read, the brokers are asked, not the latest fetch: it may have
 * been long ago, and its high watermark counts records that an open transaction holds back.
 */
import type { HandleBatch } from '../../kafka/consumer/batch-handler.ts'
import type { PartitionState } from '../../kafka/consumer/partition-states.ts'
import { Unavailable } from '../../pipeline/errors.ts'
import type { Log, PartitionOffsets } from '../../pipeline/ports.ts'
import { type Stall, Stalls } from './watchdog-stalls.ts'

export interface WatchdogOptions {
  readonly topic: string
  /** How long a partition may stand still. */
  readonly limitMs: number
  readonly partitions: () => readonly PartitionState[]
  /**
   * Asked only where a partition stands still.
   *
   * @throws Unavailable: the look is given up, and does not count
   */
  readonly readOffsets: () => Promise<readonly PartitionOffsets[]>
  /** Whether there is an outage, which explains everything. */
  readonly isAway: () => boolean
  readonly log: Log
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Milliseconds from any fixed moment, for measuring. */
  readonly elapsed: () => number
}

export interface Watchdog {
  /** Resolves once a partition has stood still for too long. Never rejects. */
  readonly expired: Promise<Stalled>
  /** The same handler, watched. */
  watching(handle: HandleBatch): HandleBatch
  /** Partitions that stand still; noticed long before it is too long. */
  stalls(): readonly Stall[]
  end(): void
}

/** The worker makes no progress; the message says where, for how long, and what to look at. */
export class Stalled extends Error {
  override readonly name = 'Stalled'
}

/** So often is looked within the limit; after one look a stall is noticed. */
const LOOKS = 5

export function startWatchdog(options: WatchdogOptions): Watchdog {
  const { topic, limitMs, log, partitions, readOffsets, isAway, now, elapsed } = options
  const everyMs = limitMs / LOOKS
  const expired = Promise.withResolvers<Stalled>()
  const stalls = new Stalls()
  const inFlight = new Map<number, object[]>()
  let lookedAtMs = elapsed()
  let isLooking = false

  const look = async () => {
    // longer ones this process slept through, and what stood still was all of it
    const passedMs = Math.min(elapsed() - lookedAtMs, everyMs)
    lookedAtMs = elapsed()
    if (isAway()) return
    const current = partitions()
    const offsets = stalls.areLikely(current) ? await readOffsets() : []
    stalls.look({ partitions: current, offsets, inFlight, passedMs, nowMs: now() })
    const over = stalls.over(limitMs)
    if (over.length > 0) expired.resolve(new Stalled(messageOf(topic, over, limitMs)))
  }
  const timer = setInterval(async () => {
    if (isLooking) return
    isLooking = true
    try {
      await look()
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      log.debug({ err: error }, 'the watchdog could not ask for the end of the topic')
    } finally {
      isLooking = false
    }
  }, everyMs)
  timer.unref()

  return {
    expired: expired.promise,
    watching: (handle) => async (batch, context) => {
      const { partition } = batch
      inFlight.set(partition, [...(inFlight.get(partition) ?? []), batch])
      try {
        await handle(batch, context)
      } finally {
        const others = inFlight.get(partition)?.filter((other) => other !== batch) ?? []
        if (others.length > 0) inFlight.set(partition, others)
        else inFlight.delete(partition)
      }
    },
    stalls: () => stalls.over(everyMs),
    end: () => clearInterval(timer),
  }
}

/** Where a partition stands: for people. */
export function describeStall(
  topic: string,
  { partition, position, lag, inFlightMs }: Stall,
): string {
  const batch =
    inFlightMs > 0 ? 'the batch in hand there does not end' : 'no batch of it is in hand'
  return `${topic}/${partition} stands at offset ${position} with ${lag} to read; ${batch}`
}

function messageOf(topic: string, stalls: readonly Stall[], limitMs: number): string {
  const [worst, ...others] = stalls as [Stall, ...Stall[]]
  const seconds = Math.round(worst.stalledMs / 1000)
  const more = others.map(({ partition }) => partition).join(', ')
  return (
    `no progress for ${seconds} s, though neither Kafka nor Redis is away: ` +
    `${describeStall(topic, worst)}${more && ` (likewise partitions ${more})`}. ` +
    'Ending, to be started again. If it happens again at that offset, report a bug with the log ' +
    `of LOG_LEVEL=debug; if a batch may take that long here, raise worker.stallTimeoutMs (now ` +
    `${limitMs / 1000}s)`
  )
}
