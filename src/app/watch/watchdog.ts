/**
 * Ends a worker that makes no progress although it has records to read and no outage to wait for:
 * the promise of a batch never settles, or the consumer forgot a partition. Nothing else would
 * notice, because such a worker still sends heartbeats and answers health checks.
 *
 * It asks the brokers whether there are records to read. The latest fetch does not show that: it
 * may be old, and its high watermark includes records of open transactions.
 */
import type { HandleBatch } from '../../kafka/consumer/batch-handler.ts'
import type { PartitionState } from '../../kafka/consumer/partition-states.ts'
import { Unavailable } from '../../pipeline/errors.ts'
import type { Log, PartitionOffsets } from '../../pipeline/ports.ts'
import { type Stall, Stalls } from './watchdog-stalls.ts'

export interface WatchdogOptions {
  readonly topic: string
  /** How long a partition may make no progress. */
  readonly limitMs: number
  readonly partitions: () => readonly PartitionState[]
  /**
   * Called only when some partition did not advance since the last check.
   *
   * @throws Unavailable: the check is abandoned, and its time does not count
   */
  readonly readOffsets: () => Promise<readonly PartitionOffsets[]>
  /** Whether there is an outage. Then no partition can advance, and nothing is checked. */
  readonly isAway: () => boolean
  readonly log: Log
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Milliseconds from any fixed moment, for measuring. */
  readonly elapsed: () => number
}

export interface Watchdog {
  /** Resolves once a partition exceeds the limit. Never rejects. */
  readonly expired: Promise<Stalled>
  /** Wraps the handler, so that the watchdog knows which batches are in flight. */
  watching(handle: HandleBatch): HandleBatch
  /** The partitions that do not advance now; reported long before the limit. */
  stalls(): readonly Stall[]
  end(): void
}

/** The worker makes no progress. The message says where, for how long, and what to check. */
export class Stalled extends Error {
  override readonly name = 'Stalled'
}

/** How many checks fit into the limit. A stall is reported after one of them. */
const CHECKS_PER_LIMIT = 5

export function startWatchdog(options: WatchdogOptions): Watchdog {
  const { topic, limitMs, log, partitions, readOffsets, isAway, now, elapsed } = options
  const everyMs = limitMs / CHECKS_PER_LIMIT
  const expired = Promise.withResolvers<Stalled>()
  const stalls = new Stalls()
  const inFlight = new BatchesByPartition()
  let lastCheckMs = elapsed()

  const check = async () => {
    // If more than the interval passed, the process itself was suspended.
    const passedMs = Math.min(elapsed() - lastCheckMs, everyMs)
    lastCheckMs = elapsed()
    if (isAway()) return
    const current = partitions()
    const offsets = stalls.arePossible(current) ? await readOffsets() : []
    stalls.add({
      ...{ partitions: current, offsets, inFlight: inFlight.batches },
      ...{ passedMs, nowMs: now() },
    })
    const exceeding = stalls.exceeding(limitMs)
    if (exceeding.length > 0) expired.resolve(new Stalled(messageOf(topic, exceeding, limitMs)))
  }
  const timer = setInterval(oneAtATime(check, log), everyMs)
  timer.unref()

  return {
    expired: expired.promise,
    watching: (handle) => async (batch, context) => {
      inFlight.add(batch)
      try {
        await handle(batch, context)
      } finally {
        inFlight.remove(batch)
      }
    },
    stalls: () => stalls.exceeding(everyMs),
    end: () => clearInterval(timer),
  }
}

/** Returns a function that checks, unless the previous check still runs. It ignores outages. */
function oneAtATime(check: () => Promise<void>, log: Log): () => Promise<void> {
  let isChecking = false
  return async () => {
    if (isChecking) return
    isChecking = true
    try {
      await check()
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      log.debug({ err: error }, 'the watchdog could not read the end offsets of the topic')
    } finally {
      isChecking = false
    }
  }
}

interface Batch {
  readonly partition: number
}

class BatchesByPartition {
  /** Oldest first. */
  readonly batches = new Map<number, readonly Batch[]>()

  add(batch: Batch): void {
    this.batches.set(batch.partition, [...(this.batches.get(batch.partition) ?? []), batch])
  }

  remove(batch: Batch): void {
    const others = this.batches.get(batch.partition)?.filter((other) => other !== batch) ?? []
    if (others.length > 0) this.batches.set(batch.partition, others)
    else this.batches.delete(batch.partition)
  }
}

/** Describes a stall for people. */
export function describeStall(
  topic: string,
  { partition, position, lag, inFlightMs }: Stall,
): string {
  const batch = inFlightMs > 0 ? 'its batch in flight does not finish' : 'it has no batch in flight'
  return `${topic}/${partition} does not advance from offset ${position}, with a lag of ${lag}; ${batch}`
}

function messageOf(topic: string, stalls: readonly Stall[], limitMs: number): string {
  const [worst, ...others] = stalls as [Stall, ...Stall[]]
  const seconds = Math.round(worst.stalledMs / 1000)
  const more = others.map(({ partition }) => partition).join(', ')
  return (
    `no progress for ${seconds} s, though neither Kafka nor Redis is away: ` +
    `${describeStall(topic, worst)}${more && ` (likewise partitions ${more})`}. ` +
    'The worker ends, so that it is restarted. If this happens again at the same offset, report ' +
    'a bug, with a log at LOG_LEVEL=debug. If a batch may really take that long, raise ' +
    `worker.stallTimeoutMs (now ${limitMs / 1000}s)`
  )
}
