/** Folds a part of the topic into a store, window by window, so that memory stays bounded. */
import { foldInto, type GroupState } from '../../domain/merge/merge.ts'
import { type Offsets, type ReadRecord, readTopic, type TopicReading } from '../topic-fold.ts'

export interface Folding extends Pick<TopicReading, 'config' | 'log' | 'now' | 'onUnreadable'> {
  /** Merges one patch a group into the store. */
  readonly merge: (patches: readonly GroupState[]) => Promise<void>
  /** Told how many records more are in the store. */
  readonly onRecords: (records: number) => void
}

/** How many records are folded to patches before these are merged. */
const WINDOW_RECORDS = 5000

/**
 * Resolves once all before the ends is in the store.
 *
 * @param positions up to where each partition is in the store already; moved on as it goes, so
 *   that after a failure it can be called again
 * @throws the signal's reason where it was aborted; NotRetriable; Unavailable; what `merge` throws
 */
export async function foldUpTo(
  folding: Folding,
  positions: Map<number, bigint>,
  ends: Offsets,
  signal?: AbortSignal,
): Promise<void> {
  const window = new Window(folding, positions)
  await readTopic({
    ...folding,
    from: positions,
    to: ends,
    ...(signal && { signal }),
    onRecord: (read) => window.add(read),
  })
  await window.merge()
  for (const [partition, end] of ends) {
    if ((positions.get(partition) ?? 0n) < end) positions.set(partition, end)
  }
}

/** What was read and is not in the store yet. */
class Window {
  private readonly folding: Folding
  private readonly positions: Map<number, bigint>
  private readonly reached = new Map<number, bigint>()
  private readonly states = new Map<string, GroupState>()
  private records = 0

  constructor(folding: Folding, positions: Map<number, bigint>) {
    this.folding = folding
    this.positions = positions
  }

  async add({ partition, record, event }: ReadRecord): Promise<void> {
    if (event !== undefined) foldInto(this.states, event)
    this.reached.set(partition, BigInt(record.offset) + 1n)
    this.records++
    if (this.records >= WINDOW_RECORDS) await this.merge()
  }

  async merge(): Promise<void> {
    if (this.records === 0) return
    await this.folding.merge([...this.states.values()])
    for (const [partition, next] of this.reached) this.positions.set(partition, next)
    this.folding.onRecords(this.records)
    this.records = 0
    this.states.clear()
    this.reached.clear()
  }
}
