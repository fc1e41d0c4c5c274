import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Dependency } from '../pipeline/errors.ts'
import type { BatchReport } from '../pipeline/process-batch.ts'
import { trackBatches } from './batch-metrics.ts'
import { trackOutages } from './outage-metrics.ts'
import { type PartitionStall, trackPartitions } from './partition-metrics.ts'

export interface Metrics {
  /** Counts a batch that was just committed. The cost does not depend on its size. */
  observeBatch(report: BatchReport): void
  /** Stops reporting the lag of all other partitions: other workers have them now. */
  keepPartitions(topic: string, partitions: readonly number[]): void
  /** Sets the lag of a partition that makes no progress, and so has no batch that reports it. */
  observeLag(topic: string, partition: number, lag: bigint): void
  /** Sets the state of all partitions that are assigned to this worker. */
  setPartitions(topic: string, partitions: readonly PartitionStall[]): void
  setStoppedPartitions(count: number): void
  /** Sets the number of batches that were begun and are not durable yet. */
  setUnfinishedBatches(count: number): void
  /** Counts partitions for which Redis lost acknowledged writes. */
  countLosses(partitions: number): void
  /** Call it at every change, and once at start. */
  setUp(dependency: Dependency, isUp: boolean): void
  scrape(): Promise<Scrape>
}

export interface GatewayMetrics {
  /** Counts an answer to a POST of an event. */
  observeAnswer(status: number, durationMs: number): void
  /** Call it at every change, and once at start. */
  setUp(dependency: Dependency, isUp: boolean): void
  scrape(): Promise<Scrape>
}

/** All metrics in Prometheus' text format. */
export interface Scrape {
  readonly contentType: string
  readonly body: string
}

/** Creates the worker's metrics, in their own registry. `now` returns milliseconds since 1970. */
export function createMetrics(now: () => number): Metrics {
  const registry = createRegistry()
  const stopped = new Gauge({
    name: 'group_traits_stopped_partitions',
    help: 'Partitions stopped at a record that cannot be processed. If it is not 0, somebody must act: /readyz and the log name the record, and "group-traits skip" skips it.',
    registers: [registry],
  })
  const losses = new Counter({
    name: 'group_traits_lost_state_total',
    help: 'Partitions for which Redis lost acknowledged writes (a flush, an older snapshot, a failover to a replica that lagged). By default they are replayed from the checkpoint in Redis. After an increase, check the persistence and replication of Redis.',
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

/** Creates the gateway's metrics, in their own registry. `now` returns milliseconds since 1970. */
export function createGatewayMetrics(now: () => number): GatewayMetrics {
  const registry = createRegistry()
  const answers = new Histogram({
    name: 'group_traits_gateway_answer_seconds',
    help: "Time to answer an event, including Kafka's acknowledgement, by status: 200 accepted, 4xx the event or the request is invalid, 503 Kafka is away.",
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

/** Coarse, because every measurement of the event loop wakes an idle process. */
const EVENT_LOOP_STEP_MS = 50
