/** Folds a part of the topic into a store, window by window, so that memory stays bounded. */
import { createDecoder, type Decoder } from '../domain/decode.ts'
import { foldInto, type GroupState } from '../domain/merge.ts'
import type { KafkaRecord } from '../domain/record.ts'
import { scanTopic } from '../kafka/scan.ts'
import type { Log } from '../pipeline/ports.ts'
import { runTasks } from '../redis/task-lanes.ts'
import type { Config } from './config.ts'
import type { Offsets, Unreadable } from './topic-fold.ts'

export interface Folding {
  readonly config: Pick<Config, 'kafka' | 'events'>
  readonly log: Log
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Merges one patch a group into the store. */
  readonly merge: (patches: readonly GroupState[]) => Promise<void>
  /** Told how many records more are in the store. */
  readonly onRecords: (records: number) => void
  readonly onUnreadable: (unreadable: Unreadable) => void
}

/** How many records are folded to patches before these are merged. */
const WINDOW_RECORDS = 5000

/**
 * Resolves once all before the ends is in the store.
 *
 * @param positions up to where each partition is in the store already; moved on as it goes, so
 *   that after a failure it can be called again
 * @throws the signal's reason where it was aborted; Refused; Unavailable; what `merge` throws
 */
export async function foldUpTo(
  folding: Folding,
  positions: Map<number, bigint>,
  ends: Offsets,
  signal?: AbortSignal,
): Promise<void> {
  const stretches = Array.from(ends, ([partition, end]) => {
    return { partition, from: positions.get(partition) ?? 0n, end }
  })
  const failing = new AbortController()
  const until = AbortSignal.any([failing.signal, ...(signal ? [signal] : [])])
  const scans = together(stretches.filter(({ from, end }) => from < end)).map(
    (part) => async () => {
      try {
        await foldStretches(folding, positions, part, until)
      } catch (error) {
        failing.abort(error)
        throw error
      }
    },
  )
  await runTasks(scans, MAX_SCANS)
}

const MAX_SCANS = 4

interface Stretch {
  readonly partition: number
  readonly from: bigint
  readonly end: bigint
}

/** A scan begins at one offset for all: this much may be read in vain for a partition. */
const SPARE_OFFSETS = 10_000n

/** Puts stretches into one scan that begin at about the same offset. */
function together(stretches: readonly Stretch[]): Stretch[][] {
  const scans: Stretch[][] = []
  for (const stretch of stretches.toSorted((a, b) => (a.from < b.from ? -1 : 1))) {
    const last = scans.at(-1)
    const first = last?.[0]
    if (first !== undefined && stretch.from - first.from <= SPARE_OFFSETS) last?.push(stretch)
    else scans.push([stretch])
  }
  return scans
}

/** @param stretches in the order of where they begin */
async function foldStretches(
  folding: Folding,
  positions: Map<number, bigint>,
  stretches: readonly Stretch[],
  signal: AbortSignal,
): Promise<void> {
  const window = new Window(folding, positions)
  const ends = stretches.map(({ end }) => end).sort((a, b) => (a < b ? -1 : 1))
  const byPartition = new Map(stretches.map((stretch) => [stretch.partition, stretch]))
  const isWithin = (partition: number, offset: bigint) => {
    const stretch = byPartition.get(partition)
    return stretch !== undefined && offset >= stretch.from && offset < stretch.end
  }
  await scanTopic({
    settings: folding.config.kafka,
    log: folding.log,
    partitions: [...byPartition.keys()],
    from: stretches[0]?.from ?? 0n,
    to: ends.at(-1) ?? 0n,
    signal,
    onRecords: (partition, records) => {
      const wanted = records.filter(({ offset }) => isWithin(partition, BigInt(offset)))
      return window.add(partition, wanted)
    },
    onUndecodable: (partition, { firstOffset, reason }) => {
      if (!isWithin(partition, firstOffset)) return
      folding.onUnreadable({ partition, offset: firstOffset, reason })
    },
  })
  await window.merge()
  for (const { partition, end } of stretches) positions.set(partition, end)
}

/** What was read and is not in the store yet. */
class Window {
  private readonly folding: Folding
  private readonly decoder: Decoder
  private readonly positions: Map<number, bigint>
  private readonly reached = new Map<number, bigint>()
  private readonly states = new Map<string, GroupState>()
  private records = 0

  constructor(folding: Folding, positions: Map<number, bigint>) {
    this.folding = folding
    this.decoder = createDecoder(folding.config.events)
    this.positions = positions
  }

  async add(partition: number, records: readonly KafkaRecord[]): Promise<void> {
    const nowMs = this.folding.now()
    for (const record of records) {
      const offset = BigInt(record.offset)
      this.fold(partition, offset, record, nowMs)
      this.reached.set(partition, offset + 1n)
      this.records++
      if (this.records >= WINDOW_RECORDS) await this.merge()
    }
  }

  async merge(): Promise<void> {
    await this.folding.merge([...this.states.values()])
    for (const [partition, next] of this.reached) this.positions.set(partition, next)
    this.folding.onRecords(this.records)
    this.records = 0
    this.states.clear()
    this.reached.clear()
  }

  private fold(partition: number, offset: bigint, record: KafkaRecord, nowMs: number): void {
    try {
      const decoded = this.decoder.decodeRecord(record, nowMs)
      if (decoded.kind === 'group' || decoded.kind === 'erasure') foldInto(this.states, decoded)
    } catch (bug) {
      // the workers stop at it until it is set aside; the rest is no worse for it
      const reason = bug instanceof Error ? bug.message : String(bug)
      this.folding.onUnreadable({ partition, offset, reason })
    }
  }
}
