/** What all steps of a rebuild share: options, connections, the two stores to fold into, counts. */
import { NotRetriable, Unavailable } from '../../pipeline/errors.ts'
import type { GroupStore, Log, StateConflict } from '../../pipeline/ports.ts'
import { type Retry, retryUntilAvailable } from '../../pipeline/retry.ts'
import type { RedisConnection } from '../../redis/connection/connection.ts'
import { codeOf } from '../../redis/connection/error-translation.ts'
import { secondPrefix } from '../../redis/rebuild/replacement.ts'
import { readIdentity } from '../../redis/rebuild/server-identity.ts'
import { openGroupStore } from '../../redis/writing/group-store.ts'
import type { Config } from '../config/config.ts'
import type { OutageBoard } from '../outage-board.ts'
import { retryRules } from '../retries.ts'
import type { Unreadable } from '../topic-reader.ts'
import type { FoldOptions } from './fold.ts'

export interface RebuildOptions {
  readonly config: Config
  readonly log: Log
  readonly mode: 'replace' | 'merge'
  /** Whether groups without any event in the topic are deleted. Has no effect with `merge`. */
  readonly prune: boolean
  /** Whether groups are replaced although the topic no longer holds all of their events. */
  readonly acceptGaps: boolean
  /** Unique to this rebuild. */
  readonly token: string
  /** Ends the rebuild early, in an orderly way. */
  readonly signal: AbortSignal
  readonly onProgress: (progress: RebuildProgress) => void
}

export type RebuildProgress =
  /** Reading begins or goes on, of this many records at most. */
  | { readonly kind: 'reading'; readonly records: number }
  | { readonly kind: 'read'; readonly records: number }
  | { readonly kind: 'clearing' | 'paused' | 'placing' | 'repairing' }

export interface RebuildContext {
  readonly options: RebuildOptions
  readonly redis: RedisConnection
  /** The groups that the workers write, under the first prefix. */
  readonly live: GroupStore
  /** Folds into the groups under the second prefix. */
  readonly intoSecond: FoldOptions
  /** Folds into the live groups. */
  readonly intoLive: FoldOptions
  /** A monotonic clock, in milliseconds. */
  readonly elapsed: () => number
  readonly tally: Tally
  /** @throws NotRetriable if a Redis server restarted or failed over since the rebuild began */
  assertSameServers(): Promise<void>
  /** Retries while Redis or Kafka is away, without limit, until the signal of the options. */
  readonly retry: Retry
}

/** What a rebuild has done so far. */
export interface Tally {
  records: number
  /** Groups that were replaced, or are new. */
  placed: number
  /** Groups without any event in the topic, deleted. */
  pruned: number
  /** Groups without any event in the topic, kept. */
  stayed: readonly string[]
  /** How long the workers were paused, in milliseconds. */
  pausedMs: number
  /** Partition and offset → the record. */
  readonly unreadable: Map<string, Unreadable>
  /** Group id → why the group could not be written. */
  readonly conflicts: Map<string, StateConflict>
}

/**
 * Waits for Redis and prepares what the steps share.
 *
 * @throws Abandoned if the signal is aborted before Redis is available
 */
export async function openRebuild(
  options: RebuildOptions,
  redis: RedisConnection,
  outages: OutageBoard,
  tally: Tally,
): Promise<RebuildContext> {
  const { config, signal } = options
  const rules = retryRules(outages, 'batch', config.kafka.sessionTimeoutMs)
  const noBatch = { signal, assertOwned: () => {}, heartbeat: async () => {} }
  const retry: Retry = (attempt) => retryUntilAvailable(attempt, noBatch, rules)
  const identity = await retry(() => readIdentity(redis))
  const live = openGroupStore(redis)
  const second = failIfFull(openGroupStore(secondPrefix(redis)))
  return {
    options,
    redis,
    live,
    intoSecond: foldOptions(second, options, tally, retry),
    intoLive: foldOptions(live, options, tally, retry),
    elapsed: () => performance.now(),
    tally,
    retry,
    async assertSameServers() {
      if ((await readIdentity(redis)) === identity) return
      throw new NotRetriable(
        'redis',
        'Redis restarted or failed over during the rebuild, and may have lost some of what was ' +
          'written: run it again',
      )
    },
  }
}

export function emptyTally(): Tally {
  const [unreadable, conflicts] = [new Map(), new Map()]
  return { records: 0, placed: 0, pruned: 0, stayed: [], pausedMs: 0, unreadable, conflicts }
}

function foldOptions(
  store: Pick<GroupStore, 'merge'>,
  { config, log, onProgress }: RebuildOptions,
  tally: Tally,
  retry: Retry,
): FoldOptions {
  return {
    config,
    log,
    now: Date.now,
    merge: async (patches) => addConflicts(tally, await retry(() => store.merge(patches))),
    onRecords: (records) => {
      tally.records += records
      onProgress({ kind: 'read', records })
    },
    onUnreadable: (unreadable) => {
      tally.unreadable.set(`${unreadable.partition} ${unreadable.offset}`, unreadable)
    },
  }
}

/**
 * Makes a full Redis fail the rebuild. If the rebuild waited for room instead, it would take that
 * room from the workers.
 */
function failIfFull(store: GroupStore): Pick<GroupStore, 'merge'> {
  return {
    async merge(patches) {
      try {
        return await store.merge(patches)
      } catch (error) {
        const { cause } = error instanceof Unavailable ? error : {}
        if (!(cause instanceof Error) || codeOf(cause) !== 'OOM') throw error
        throw new NotRetriable(
          'redis',
          'Redis is full: it has no room for a second copy of the groups. No group was replaced; ' +
            'raise its maxmemory for as long as a rebuild takes',
          { cause },
        )
      }
    },
  }
}

export function addConflicts({ conflicts }: Tally, found: readonly StateConflict[]): void {
  for (const conflict of found) conflicts.set(conflict.groupId, conflict)
}
