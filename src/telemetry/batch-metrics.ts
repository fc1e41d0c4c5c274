import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { REASONS, type Reason } from '../domain/problem.ts'

/** What became of a batch of one partition: facts for the metrics. */
export interface BatchReport {
  readonly topic: string
  readonly partition: number
  readonly records: number
  readonly accepted: number
  readonly ignored: number
  readonly erasures: number
  readonly rejected: ReadonlyMap<Reason, number>
  readonly groups: number
  readonly conflicts: number
  readonly deadLetters: number
  readonly decodeMs: number
  readonly mergeMs: number
  readonly deadLetterMs: number
  readonly commitMs: number
  /** Kafka timestamp of the oldest accepted record, in milliseconds; -1 where none has one. */
  readonly oldestTimestampMs: number
  /** Records of the partition behind this batch. */
  readonly lag: bigint
}

/** What went through, batch by batch: nothing here is done for each record. */
export function trackBatches(
  now: () => number,
  registry: Registry,
): {
  observeBatch(report: BatchReport): void
  forgetPartition(topic: string, partition: number): void
} {
  const { records, rejected, deadLetters, groups, conflicts, batches } = createCounters(registry)
  const { steps, latency, lag } = createDistributions(registry)
  for (const outcome of ['accepted', 'erasure', 'ignored', 'rejected']) records.inc({ outcome }, 0)
  for (const reason of REASONS) rejected.inc({ reason }, 0)

  return {
    observeBatch(report) {
      batches.inc()
      records.inc({ outcome: 'accepted' }, report.accepted)
      records.inc({ outcome: 'erasure' }, report.erasures)
      records.inc({ outcome: 'ignored' }, report.ignored)
      for (const [reason, count] of report.rejected) {
        records.inc({ outcome: 'rejected' }, count)
        rejected.inc({ reason }, count)
      }
      deadLetters.inc(report.deadLetters)
      groups.inc(report.groups)
      conflicts.inc(report.conflicts)
      steps.observe({ step: 'decode' }, report.decodeMs / 1000)
      steps.observe({ step: 'merge' }, report.mergeMs / 1000)
      steps.observe({ step: 'dead_letters' }, report.deadLetterMs / 1000)
      steps.observe({ step: 'commit' }, report.commitMs / 1000)
      if (report.oldestTimestampMs >= 0) {
        latency.observe(Math.max(0, now() - report.oldestTimestampMs) / 1000)
      }
      lag.set({ topic: report.topic, partition: report.partition }, Number(report.lag))
    },
    forgetPartition(topic, partition) {
      lag.remove({ topic, partition })
    },
  }
}

function createCounters(registry: Registry) {
  const registers = [registry]
  return {
    records: new Counter({
      name: 'group_traits_records_total',
      help: 'Records read from the topic, by what became of them: accepted (a group event), erasure, ignored (another type of event), rejected (a dead letter). All are committed.',
      labelNames: ['outcome'] as const,
      registers,
    }),
    rejected: new Counter({
      name: 'group_traits_rejected_records_total',
      help: 'Records that became dead letters, by reason. A jump usually means that a producer changed; "group-traits validate" says what is wrong with an event.',
      labelNames: ['reason'] as const,
      registers,
    }),
    deadLetters: new Counter({
      name: 'group_traits_dead_letters_written_total',
      help: 'Dead letters that the dead-letter topic acknowledged.',
      registers,
    }),
    groups: new Counter({
      name: 'group_traits_groups_merged_total',
      help: 'Patches merged in Redis: one for each group of a batch. Records per patch tell how much folding saves.',
      registers,
    }),
    conflicts: new Counter({
      name: 'group_traits_group_conflicts_total',
      help: 'Patches that could not be written, because something foreign stands at the key of the group (reason state_conflict). The log names the groups.',
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
      help: 'How long a batch spent in each step: decode (and fold), merge (in Redis), dead_letters, commit.',
      labelNames: ['step'] as const,
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
    latency: new Histogram({
      name: 'group_traits_end_to_end_latency_seconds',
      help: 'From the Kafka timestamp of the oldest accepted record of a batch until the batch was merged: how stale Redis is at worst. One observation a batch.',
      buckets: [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800,
      ],
      registers,
    }),
    lag: new Gauge({
      name: 'group_traits_partition_lag_records',
      help: 'Records of the partition that are not merged yet, as of its last batch. Only partitions that this worker has.',
      labelNames: ['topic', 'partition'] as const,
      registers,
    }),
  }
}
