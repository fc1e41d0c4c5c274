import type { Health, HealthPart } from '../http/health.ts'
import type { RunningConsumer } from '../kafka/consumer/consumer.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { OutageBoard } from './outage-board.ts'
import { describeStall, type Watchdog } from './watch/watchdog.ts'

/** What the health of a worker is computed from. The worker sets the later fields as it runs. */
export interface Vitals {
  readonly topic: string
  readonly outages: OutageBoard
  /** Undefined until it is started. */
  consumer: RunningConsumer | undefined
  /** Undefined until it is started. */
  watchdog: Watchdog | undefined
  /** The error that ends the worker; undefined unless one does. */
  failure: Error | undefined
}

/**
 * Returns the health of a worker. It is live unless a restart would help. During an outage, or at a
 * record that stops a partition, a restart would not help.
 */
export function healthOf(vitals: Vitals): Health {
  const parts = [...vitals.outages.states(), consumerPart(vitals), ...stalledParts(vitals)]
  return {
    live: vitals.failure === undefined,
    ready: parts.every(({ ok }) => ok),
    parts,
  }
}

/** Updates the metrics that are not counted batch by batch. */
export function updateMetrics(metrics: Metrics, { topic, consumer, watchdog }: Vitals): void {
  const stalls = new Map(watchdog?.stalls().map((stall) => [stall.partition, stall]))
  const partitions = consumer?.state().partitions ?? []
  for (const { partition, lag } of stalls.values()) metrics.observeLag(topic, partition, lag)
  metrics.setStoppedPartitions(stopsOf(consumer).length)
  metrics.setUnfinishedBatches(consumer?.state().batchesInFlight ?? 0)
  metrics.setPartitions(
    topic,
    partitions.map(({ partition }) => {
      return { partition, stalledMs: stalls.get(partition)?.stalledMs ?? 0 }
    }),
  )
}

function consumerPart({ consumer, failure }: Vitals): HealthPart {
  const complaints = [...(failure ? [failure.message] : []), ...stopsOf(consumer)]
  return {
    name: 'consumer',
    ok: consumer?.state().isReading === true && complaints.length === 0,
    ...(complaints.length > 0 && { detail: complaints.join('; ') }),
  }
}

function stalledParts({ topic, watchdog }: Vitals): HealthPart[] {
  return (watchdog?.stalls() ?? []).map((stall) => ({
    name: `partition ${stall.partition}`,
    ok: false,
    since: new Date(stall.sinceMs).toISOString(),
    detail: describeStall(topic, stall),
  }))
}

function stopsOf(consumer: RunningConsumer | undefined): string[] {
  const partitions = consumer?.state().partitions ?? []
  return partitions.flatMap(({ stopped }) => stopped?.message ?? [])
}
