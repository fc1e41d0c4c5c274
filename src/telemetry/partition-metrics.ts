import { Gauge, type Registry } from 'prom-client'

export interface PartitionProgress {
  readonly partition: number
  /** For how long it has stood still, with records to read, in milliseconds. */
  readonly stalledMs: number
}

/** Whether the partitions of ours move, and what of them is in hand. */
export function trackPartitions(registry: Registry): {
  setPartitions(topic: string, partitions: readonly PartitionProgress[]): void
  setUnfinishedBatches(count: number): void
} {
  const stalled = new Gauge({
    name: 'group_traits_partition_stalled_seconds',
    help: 'For how long a partition of this worker has stood still although there are records to read and neither Kafka nor Redis is away; 0 where all is well. Alert on anything else for 2 minutes: /readyz says where it stands, and at worker.stallTimeoutMs the process ends, to be started again.',
    labelNames: ['topic', 'partition'] as const,
    registers: [registry],
  })
  const unfinished = new Gauge({
    name: 'group_traits_unfinished_batches',
    help: 'Batches that were begun and are not durable yet, at most kafka.concurrentPartitions and one. Where it stays up while group_traits_batches_total stands, a batch hangs: /readyz says where.',
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
