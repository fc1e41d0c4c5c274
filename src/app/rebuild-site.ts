/** What all steps of a rebuild work with. */
import type { GroupState } from '../domain/merge.ts'
import type { GroupStore, Log, StateConflict } from '../pipeline/ports.ts'
import { waitOut } from '../pipeline/retry.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { openGroupStore } from '../redis/group-store.ts'
import { secondPrefix } from '../redis/replacement.ts'
import type { Config } from './config.ts'
import type { OutageBoard } from './outage-board.ts'
import type { Folding } from './rebuild-fold.ts'
import type { Unreadable } from './topic-fold.ts'
import { retryRules } from './waiting.ts'

export interface RebuildOptions {
  readonly config: Config
  readonly log: Log
  readonly mode: 'replace' | 'merge'
  /** Whether groups that the topic knows nothing of are deleted. Not with `merge`. */
  readonly prune: boolean
  /** Whether groups are put in place although the topic does not hold all of their events. */
  readonly acceptGaps: boolean
  /** Tells this rebuild from all others. */
  readonly token: string
  /** Ends it early, in an orderly way. */
  readonly signal: AbortSignal
  readonly onProgress: (progress: RebuildProgress) => void
}

export type RebuildProgress =
  /** From here on so many records are read, at most. */
  | { readonly kind: 'reading'; readonly records: number }
  | { readonly kind: 'read'; readonly records: number }
  | { readonly kind: 'clearing' | 'paused' | 'placing' | 'mending' }

export interface Site {
  readonly options: RebuildOptions
  readonly redis: RedisConnection
  /** Where the workers write. */
  readonly live: GroupStore
  /** Folds into the groups of the second prefix, or into those that the workers write. */
  readonly intoSecond: Folding
  readonly intoLive: Folding
  /** Milliseconds from any fixed moment. */
  readonly elapsed: () => number
  readonly tally: Tally
  /**
   * Makes the attempt again and again while Redis or Kafka is away; for ever, or until the
   * signal of the options.
   */
  patiently<Result>(attempt: () => Promise<Result>): Promise<Result>
}

/** What is counted on the way. */
export interface Tally {
  records: number
  /** By partition and offset. */
  readonly unreadable: Map<string, Unreadable>
  /** By group. */
  readonly conflicts: Map<string, StateConflict>
}

export function openSite(
  options: RebuildOptions,
  redis: RedisConnection,
  outages: OutageBoard,
): Site {
  const { config, log, signal, onProgress } = options
  const tally: Tally = { records: 0, unreadable: new Map(), conflicts: new Map() }
  const rules = retryRules(outages, 'batch', config.kafka.sessionTimeoutMs)
  const nobodyToTell = { signal, heartbeat: async () => {} }
  const patiently = <Result>(attempt: () => Promise<Result>) =>
    waitOut(attempt, nobodyToTell, rules)

  const foldingInto = (store: GroupStore): Folding => ({
    config,
    log,
    now: Date.now,
    merge: async (patches: readonly GroupState[]) => {
      addConflicts(tally, await patiently(() => store.merge(patches)))
    },
    onRecords: (records) => {
      tally.records += records
      onProgress({ kind: 'read', records })
    },
    onUnreadable: (unreadable) => {
      tally.unreadable.set(`${unreadable.partition} ${unreadable.offset}`, unreadable)
    },
  })
  const live = openGroupStore(redis)
  return {
    options,
    redis,
    live,
    intoSecond: foldingInto(openGroupStore(secondPrefix(redis))),
    intoLive: foldingInto(live),
    elapsed: () => performance.now(),
    tally,
    patiently,
  }
}

export function addConflicts({ conflicts }: Tally, found: readonly StateConflict[]): void {
  for (const conflict of found) conflicts.set(conflict.groupId, conflict)
}
