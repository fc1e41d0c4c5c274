import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { REASONS } from '../domain/problem.ts'
import type { BatchReport } from '../pipeline/process-batch.ts'

/** What went through, batch by batch: nothing here is done for each record. */
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
        // an event that met a state conflict was accepted, and is counted so
        if (reason !== 'state_conflict') records.inc({ outcome: 'rejected' }, count)
      }
      groups.inc(report.groups)
      steps.observe({ step: 'decode' }, report.decodeMs / 1000)
      steps.observe({ step: 'wait' }, report.waitMs / 1000)
      steps.observe({ step: 'merge' }, report.mergeMs / 1000)
      steps.observe({ step: 'dead_letters' }, report.deadLetterMs / 1000)
      steps.observe({ step: 'commit' }, report.commitMs / 1000)
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

function createCounters(registry: Registry) {
  const registers = [registry]
  return {
    records: new Counter({
      name: 'group_traits_records_total',
      help: 'Records of committed batches, by what they are: accepted (a valid group event), erasure, ignored (another type of event), rejected (not valid: a dead letter).',
      labelNames: ['outcome'] as const,
      registers,
    }),
    deadLetters: new Counter({
      name: 'group_traits_dead_letters_total',
      help: 'Records set aside in the dead-letter topic, by reason. A jump usually means that a producer changed; "group-traits validate" says what is wrong with an event.',
      labelNames: ['reason'] as const,
      registers,
    }),
    groups: new Counter({
      name: 'group_traits_groups_merged_total',
      help: 'Patches merged in Redis: one for each group of a batch. Records per patch tell how much folding saves.',
      registers,
    }),
    batches: new Counter({
      name: 'group_traits_batches_total',
      help: 'Batches committed. Records per batch grow with the lag.',
      registers,
    }),
  }
}

function createDistributions(registry: Registry) {
  const registers = [registry]
  return {
    steps: new Histogram({
      name: 'group_traits_batch_step_seconds',
      help: 'How long a batch spent in each step: decode (and fold, and what else the worker did meanwhile), wait (for the batch before of its partition), merge (in Redis), dead_letters, commit (until it was handed over to be sent).',
      labelNames: ['step'] as const,
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
    latency: new Histogram({
      name: 'group_traits_end_to_end_latency_seconds',
      help: 'From the Kafka timestamp of the first record of a batch until the batch was committed: how stale Redis is at worst. One observation a batch.',
      buckets: [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800,
      ],
      registers,
    }),
    lag: new Gauge({
      name: 'group_traits_partition_lag_records',
      help: 'Records of the partition that are not merged yet, as of its last batch or, where it stands still, as the brokers say. Only partitions that this worker has.',
      labelNames: ['topic', 'partition'] as const,
      registers,
    }),
  }
}
