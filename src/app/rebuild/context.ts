/** What all steps of a rebuild work with. */
import { NotRetriable, Unavailable } from '../../pipeline/errors.ts'
import type { GroupStore, Log, StateConflict } from '../../pipeline/ports.ts'
import { retryUntilAvailable } from '../../pipeline/retry.ts'
import type { RedisConnection } from '../../redis/connection/connection.ts'
import { codeOf } from '../../redis/connection/failure.ts'
import { secondPrefix } from '../../redis/rebuild/replacement.ts'
import { readIdentity } from '../../redis/rebuild/server-identity.ts'
import { openGroupStore } from '../../redis/writing/group-store.ts'
import type { Config } from '../config/config.ts'
import type { OutageBoard } from '../outage-board.ts'
import type { Unreadable } from '../topic-fold.ts'
import { retryRules } from '../waiting.ts'
import type { Folding } from './fold.ts'

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

export interface RebuildContext {
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
  /** @throws NotRetriable where Redis may have lost what was written since the beginning */
  assertSameServers(): Promise<void>
  /**
   * Makes the attempt again and again while Redis or Kafka is away; for ever, or until the
   * signal of the options.
   */
  patiently<Result>(attempt: () => Promise<Result>): Promise<Result>
}

/** What is counted on the way. */
export interface Tally {
  records: number
  /** Groups that were put in place. */
  placed: number
  pruned: number
  /** Groups that the topic knows nothing of, and that stay. */
  stayed: readonly string[]
  /** How long the workers were paused, in milliseconds. */
  pausedMs: number
  /** By partition and offset. */
  readonly unreadable: Map<string, Unreadable>
  /** By group. */
  readonly conflicts: Map<string, StateConflict>
}

/** @throws Abandoned where the signal came before Redis did */
export async function openRebuild(
  options: RebuildOptions,
  redis: RedisConnection,
  outages: OutageBoard,
  tally: Tally,
): Promise<RebuildContext> {
  const { config, signal } = options
  const rules = retryRules(outages, 'batch', config.kafka.sessionTimeoutMs)
  const nobodyToTell = { signal, assertOwned: () => {}, heartbeat: async () => {} }
  const patiently: RebuildContext['patiently'] = (attempt) =>
    retryUntilAvailable(attempt, nobodyToTell, rules)
  const identity = await patiently(() => readIdentity(redis))
  const live = openGroupStore(redis)
  const second = withoutRoomRefused(openGroupStore(secondPrefix(redis)))
  return {
    options,
    redis,
    live,
    intoSecond: foldingInto(second, options, tally, patiently),
    intoLive: foldingInto(live, options, tally, patiently),
    elapsed: () => performance.now(),
    tally,
    patiently,
    async assertSameServers() {
      if ((await readIdentity(redis)) === identity) return
      throw new NotRetriable(
        'redis',
        'Redis was restarted or failed over meanwhile, and may have lost a part of what was ' +
          'written: run it again',
      )
    },
  }
}

export function emptyTally(): Tally {
  const [unreadable, conflicts] = [new Map(), new Map()]
  return { records: 0, placed: 0, pruned: 0, stayed: [], pausedMs: 0, unreadable, conflicts }
}

function foldingInto(
  store: Pick<GroupStore, 'merge'>,
  { config, log, onProgress }: RebuildOptions,
  tally: Tally,
  patiently: RebuildContext['patiently'],
): Folding {
  return {
    config,
    log,
    now: Date.now,
    merge: async (patches) => addConflicts(tally, await patiently(() => store.merge(patches))),
    onRecords: (records) => {
      tally.records += records
      onProgress({ kind: 'read', records })
    },
    onUnreadable: (unreadable) => {
      tally.unreadable.set(`${unreadable.partition} ${unreadable.offset}`, unreadable)
    },
  }
}

/** To wait for room would be to keep it from the workers. */
function withoutRoomRefused(store: GroupStore): Pick<GroupStore, 'merge'> {
  return {
    async merge(patches) {
      try {
        return await store.merge(patches)
      } catch (error) {
        const { cause } = error instanceof Unavailable ? error : {}
        if (!(cause instanceof Error) || codeOf(cause) !== 'OOM') throw error
        throw new NotRetriable(
          'redis',
          'Redis is full: it has no room for a second copy of the groups. Nothing was put in ' +
            'place; raise its maxmemory for as long as a rebuild takes',
          { cause },
        )
      }
    },
  }
}

export function addConflicts({ conflicts }: Tally, found: readonly StateConflict[]): void {
  for (const conflict of found) conflicts.set(conflict.groupId, conflict)
}
