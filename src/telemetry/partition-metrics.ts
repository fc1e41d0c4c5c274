import { Gauge, type Registry } from 'prom-client'

export interface PartitionStall {
  readonly partition: number
  /** How long it has made no progress although it has records to read, in milliseconds. */
  readonly stalledMs: number
}

/** Creates the metrics of progress: stalled partitions and unfinished batches. */
export function trackPartitions(registry: Registry): {
  setPartitions(topic: string, partitions: readonly PartitionStall[]): void
  setUnfinishedBatches(count: number): void
} {
  const stalled = new Gauge({
    name: 'group_traits_partition_stalled_seconds',
    help: 'How long a partition of this worker has made no progress although it has records to read and neither Kafka nor Redis is away; 0 if all is well. Alert if it is above 0 for 2 minutes: /readyz names the offset, and at worker.stallTimeoutMs the process ends, so that it is restarted.',
    labelNames: ['topic', 'partition'] as const,
    registers: [registry],
  })
  const unfinished = new Gauge({
    name: 'group_traits_unfinished_batches',
    help: 'Batches that were begun and are not durable yet, at most kafka.concurrentPartitions + 1. If it stays above 0 while group_traits_batches_total does not increase, a batch hangs: /readyz says where.',
    registers: [registry],
  })

  return {
    setUnfinishedBatches: (count) => unfinished.set(count),
    setPartitions(topic, partitions) {
      stalled.reset()
      for (const { partition, stalledMs } of partitions) {
        stalled.set({ topic, partition }, stalledMs / 1000)
      }
    },
  }
}
