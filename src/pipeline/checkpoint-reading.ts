import { isBehind, type PartitionProgress, type ProgressByPartition } from './loss-detection.ts'
import type { Checkpoint, PartitionOffsets, PartitionSource } from './ports.ts'

interface CheckpointReading {
  /** The checkpoints as they were before the offsets were read. */
  readonly before: ReadonlyMap<number, Checkpoint>
  /** Empty if the checkpoints alone show that nothing is lost. */
  readonly offsets: ReadonlyMap<number, PartitionOffsets>
  /** The checkpoints as they were after the offsets were read. */
  readonly after: ReadonlyMap<number, Checkpoint>
}

/**
 * Reads the checkpoints. If one is behind, or the progress of a partition is unknown, it also reads
 * Kafka's offsets, and then the checkpoints again: another owner may commit meanwhile, and only a
 * checkpoint that was read after the commit must cover it.
 */
export async function readCheckpoints(
  known: ProgressByPartition,
  read: () => Promise<ReadonlyMap<number, Checkpoint>>,
  source: PartitionSource,
): Promise<CheckpointReading> {
  const before = await read()
  const isUpToDate = ([partition, progress]: [number, PartitionProgress | undefined]) =>
    progress !== undefined && !isBehind(before.get(partition), progress.applied)
  if ([...known].every(isUpToDate)) return { before, after: before, offsets: new Map() }
  const all = await source.offsets()
  const offsets = new Map(all.map((each) => [each.partition, each]))
  return { before, offsets, after: await read() }
}
