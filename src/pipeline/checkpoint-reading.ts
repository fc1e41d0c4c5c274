import { isBehind, type PartitionProgress, type ProgressByPartition } from './partition-progress.ts'
import type { Checkpoint, PartitionOffsets, PartitionSource } from './ports.ts'

interface FoundCheckpoints {
  readonly before: ReadonlyMap<number, Checkpoint>
  /** None where the checkpoints alone say that all is well. */
  readonly offsets: ReadonlyMap<number, PartitionOffsets>
  /** As of after the offsets. */
  readonly found: ReadonlyMap<number, Checkpoint>
}

/** The checkpoints, and where more is to be known, the offsets, and the checkpoints as of after. */
export async function readCheckpoints(
  known: ProgressByPartition,
  read: () => Promise<ReadonlyMap<number, Checkpoint>>,
  source: PartitionSource,
): Promise<FoundCheckpoints> {
  const before = await read()
  const isPlain = ([partition, partitionProgress]: [number, PartitionProgress | undefined]) =>
    partitionProgress !== undefined && !isBehind(before.get(partition), partitionProgress.applied)
  if ([...known].every(isPlain)) return { before, found: before, offsets: new Map() }
  const all = await source.offsets()
  const offsets = new Map(all.map((each) => [each.partition, each]))
  return { before, offsets, found: await read() }
}
