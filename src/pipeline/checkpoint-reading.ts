import { isBehind, type Standing, type Standings } from './partition-progress.ts'
import type { Mark, PartitionOffsets, PartitionSource } from './ports.ts'

interface FoundMarks {
  readonly before: ReadonlyMap<number, Mark>
  /** None where the marks alone say that all is well. */
  readonly offsets: ReadonlyMap<number, PartitionOffsets>
  /** As of after the offsets. */
  readonly found: ReadonlyMap<number, Mark>
}

/** The marks, and where more is to be known, the offsets, and the marks as of after. */
export async function readMarks(
  known: Standings,
  read: () => Promise<ReadonlyMap<number, Mark>>,
  source: PartitionSource,
): Promise<FoundMarks> {
  const before = await read()
  const isPlain = ([partition, standing]: [number, Standing | undefined]) =>
    standing !== undefined && !isBehind(before.get(partition), standing.applied)
  if ([...known].every(isPlain)) return { before, found: before, offsets: new Map() }
  const all = await source.offsets()
  const offsets = new Map(all.map((each) => [each.partition, each]))
  return { before, offsets, found: await read() }
}
