import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Dependency } from '../pipeline/errors.ts'
import type { BatchReport } from '../pipeline/process-batch.ts'
import { trackBatches } from './batch-metrics.ts'
import { trackOutages } from './outage-metrics.ts'
import { type PartitionProgress, trackPartitions } from './partition-metrics.ts'

export interface Metrics {
  /** Counts a batch that was just committed. A dozen additions, whatever its size. */
  observeBatch(report: BatchReport): void
  /** Stops reporting the lag of all other partitions: another worker has them now. */
  keepPartitions(topic: string, partitions: readonly number[]): void
  /** Of a partition that stands still: its batches do not tell. */
  observeLag(topic: string, partition: number, lag: bigint): void
  /** All that this worker has, as they are now. */
  setPartitions(topic: string, partitions: readonly PartitionProgress[]): void
  setStoppedPartitions(count: number): void
  /** Begun, and not durable yet. */
  setUnfinishedBatches(count: number): void
  /** Counts partitions of which Redis lost acknowledged writes. */
  countLosses(partitions: number): void
  /** To be told of every change, and once at start. */
  setUp(dependency: Dependency, isUp: boolean): void
  scrape(): Promise<Scrape>
}

export interface GatewayMetrics {
  /** Counts an answer to a POST of an event. */
  observeAnswer(status: number, durationMs: number): void
  /** To be told of every change, and once at start. */
  setUp(dependency: Dependency, isUp: boolean): void
  scrape(): Promise<Scrape>
}

/** All metrics in Prometheus' text format. */
export interface Scrape {
  readonly contentType: string
  readonly body: string
}

/** The worker's metrics, in a registry of their own. `now` gives milliseconds since 1970. */
export function createMetrics(now: () => number): Metrics {
  const registry = createRegistry()
  const stopped = new Gauge({
    name: 'group_traits_stopped_partitions',
    help: 'Partitions stopped at a record that cannot be processed. Anything but 0 needs a person: /readyz and the log name the record, "group-traits skip" goes past it.',
    registers: [registry],
  })
  const losses = new Counter({
    name: 'group_traits_lost_state_total',
    help: 'Partitions of which Redis lost acknowledged writes (a flush, an older snapshot, a failover to a replica that lagged), which were then read again from where it stands. Any increase is worth a look at how Redis keeps its data.',
    registers: [registry],
  })
  return {
    ...trackBatches(now, registry),
    ...trackOutages(now, registry),
    ...trackPartitions(registry),
    setStoppedPartitions: (count) => stopped.set(count),
    countLosses: (partitions) => losses.inc(partitions),
    scrape: () => scrape(registry),
  }
}

/** The gateway's metrics, in a registry of their own. `now` gives milliseconds since 1970. */
export function createGatewayMetrics(now: () => number): GatewayMetrics {
  const registry = createRegistry()
  const answers = new Histogram({
    name: 'group_traits_gateway_answer_seconds',
    help: "How long the answer to an event took, Kafka's acknowledgement included, by status: 200 accepted, 4xx the event or the request is wrong, 503 Kafka is away.",
    labelNames: ['status'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  })
  return {
    ...trackOutages(now, registry),
    observeAnswer: (status, durationMs) => answers.observe({ status }, durationMs / 1000),
    scrape: () => scrape(registry),
  }
}

function createRegistry(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_STEP_MS })
  return registry
}

async function scrape(registry: Registry): Promise<Scrape> {
  return { contentType: registry.contentType, body: await registry.metrics() }
}

/** Coarse, for every look at the event loop wakes an idle process. */
const EVENT_LOOP_STEP_MS = 50
