import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { REASONS } from '../domain/problem.ts'
import type { BatchReport } from '../pipeline/process-batch.ts'

/** Creates the metrics of processed batches. Nothing here costs time for each record. */
export function trackBatches(
  now: () => number,
  registry: Registry,
): {
  observeBatch(report: BatchReport): void
  observeLag(topic: string, partition: number, lag: bigint): void
  keepPartitions(topic: string, partitions: readonly number[]): void
} {
  const { records, deadLetters, groups, batches } = createCounters(registry)
  const { steps, latency, lag } = createDistributions(registry)
  const withLag = new Set<number>()
  const observeLag = (topic: string, partition: number, records: bigint) => {
    withLag.add(partition)
    lag.set({ topic, partition }, Number(records))
  }
  for (const outcome of ['accepted', 'erasure', 'ignored', 'rejected']) records.inc({ outcome }, 0)
  for (const reason of REASONS) deadLetters.inc({ reason }, 0)

  return {
    observeBatch(report) {
      batches.inc()
      records.inc({ outcome: 'accepted' }, report.accepted)
      records.inc({ outcome: 'erasure' }, report.erasures)
      records.inc({ outcome: 'ignored' }, report.ignored)
      for (const [reason, count] of report.deadLetters) {
        deadLetters.inc({ reason }, count)
        // An event with a state conflict is valid, and already counted as accepted.
        if (reason !== 'state_conflict') records.inc({ outcome: 'rejected' }, count)
      }
      groups.inc(report.groups)
      for (const [step, ms] of stepsOf(report)) steps.observe({ step }, ms / 1000)
      if (report.firstTimestampMs >= 0) {
        latency.observe(Math.max(0, now() - report.firstTimestampMs) / 1000)
      }
      observeLag(report.topic, report.partition, report.lag)
    },
    observeLag,
    keepPartitions(topic, partitions) {
      for (const partition of withLag) {
        if (partitions.includes(partition)) continue
        lag.remove({ topic, partition })
        withLag.delete(partition)
      }
    },
  }
}

function stepsOf(report: BatchReport): readonly (readonly [step: string, ms: number])[] {
  return [
    ['decode', report.decodeMs],
    ['wait', report.waitMs],
    ['merge', report.mergeMs],
    ['dead_letters', report.deadLetterMs],
    ['commit', report.commitMs],
  ]
}

function createCounters(registry: Registry) {
  const registers = [registry]
  return {
    records: new Counter({
      name: 'group_traits_records_total',
      help: 'Records in committed batches, by outcome: accepted (a valid group event), erasure, ignored (another type of event), rejected (invalid: a dead letter).',
      labelNames: ['outcome'] as const,
      registers,
    }),
    deadLetters: new Counter({
      name: 'group_traits_dead_letters_total',
      help: 'Records written to the dead-letter topic, by reason. A jump usually means that a producer changed; "group-traits validate" says what is wrong with an event.',
      labelNames: ['reason'] as const,
      registers,
    }),
    groups: new Counter({
      name: 'group_traits_groups_merged_total',
      help: 'Groups merged in Redis, counted once for each batch. Records divided by this number show how much folding a batch saves.',
      registers,
    }),
    batches: new Counter({
      name: 'group_traits_batches_total',
      help: 'Batches committed. The number of records per batch grows with the lag.',
      registers,
    }),
  }
}

function createDistributions(registry: Registry) {
  const registers = [registry]
  return {
    steps: new Histogram({
      name: 'group_traits_batch_step_seconds',
      help: 'Time that a batch spent in each step: decode (includes folding, and other work of the event loop in that time), wait (for the previous batch of its partition), merge (in Redis), dead_letters (writing them), commit (until the commit was queued to be sent).',
      labelNames: ['step'] as const,
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
    latency: new Histogram({
      name: 'group_traits_end_to_end_latency_seconds',
      help: 'Time from the Kafka timestamp of the first record of a batch until the batch was committed: how stale Redis is at worst. One observation for each batch.',
      buckets: [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800,
      ],
      registers,
    }),
    lag: new Gauge({
      name: 'group_traits_partition_lag_records',
      help: 'Records of the partition that are not merged yet, as of its last batch, or according to the brokers if it makes no progress. Only partitions that are assigned to this worker.',
      labelNames: ['topic', 'partition'] as const,
      registers,
    }),
  }
}
