/** Folds a range of the topic into a store, window by window, so that memory stays bounded. */
import { foldInto, type GroupState } from '../../domain/merge/merge.ts'
import { type Offsets, type ReadRecord, readTopic, type TopicReading } from '../topic-reader.ts'

export interface FoldOptions extends Pick<TopicReading, 'config' | 'log' | 'now' | 'onUnreadable'> {
  /** Merges patches, one per group, into the store. */
  readonly merge: (patches: readonly GroupState[]) => Promise<void>
  /** Called with the number of records whose events were merged since the last call. */
  readonly onRecords: (records: number) => void
}

/** How many records are folded into patches before these are merged. */
const WINDOW_RECORDS = 5000

/**
 * Folds each partition from its position to its end. Resolves once all of it is in the store.
 *
 * @param positions the next offset of each partition; advanced after every merge, so that a call
 *   after a failure goes on where this one failed
 * @throws the signal's reason; NotRetriable; Unavailable; what `merge` throws
 */
export async function foldUpTo(
  options: FoldOptions,
  positions: Map<number, bigint>,
  ends: Offsets,
  signal?: AbortSignal,
): Promise<void> {
  const window = new Window(options, positions)
  await readTopic({
    ...options,
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

/** Records that were read and are not in the store yet. */
class Window {
  private readonly options: FoldOptions
  private readonly positions: Map<number, bigint>
  private readonly reached = new Map<number, bigint>()
  private readonly states = new Map<string, GroupState>()
  private records = 0

  constructor(options: FoldOptions, positions: Map<number, bigint>) {
    this.options = options
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
    await this.options.merge([...this.states.values()])
    for (const [partition, next] of this.reached) this.positions.set(partition, next)
    this.options.onRecords(this.records)
    this.records = 0
    this.states.clear()
    this.reached.clear()
  }
}
