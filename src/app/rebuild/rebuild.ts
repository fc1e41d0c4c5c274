/**
 * Makes the state in Redis anew from the topic, beside the workers.
 *
 * `replace`: the topic is folded under a second prefix while the workers go on; then they are
 * paused, what came meanwhile is folded too, and each group is put in the place of the old one.
 * `merge`, for a topic that lacks records: its events are merged into what stands.
 *
 * Wherever it ends in between, nothing is lost, and to do it again does all of it.
 */
import { Abandoned, NotRetriable } from '../../pipeline/errors.ts'
import type { StateConflict } from '../../pipeline/ports.ts'
import { openCheckpoints } from '../../redis/checkpoint/checkpoints.ts'
import { openRedis } from '../../redis/connection/connection.ts'
import { acquireLock, LockLost, type RedisLock } from '../../redis/rebuild/redis-lock.ts'
import { clearSecondPrefix, secondPrefix } from '../../redis/rebuild/replacement.ts'
import { repairUserIndex } from '../../redis/rebuild/user-index-repair.ts'
import { OutageBoard } from '../outage-board.ts'
import { countOffsets, type Offsets, type Unreadable } from '../topic-fold.ts'
import { readBounds } from '../topic-view.ts'
import { advanceCheckpoints } from './checkpoints.ts'
import {
  addConflicts,
  emptyTally,
  openRebuild,
  type RebuildContext,
  type RebuildOptions,
  type Tally,
} from './context.ts'
import { foldUpTo } from './fold.ts'
import { pauseAndReplace } from './replacement.ts'

export type { RebuildOptions, RebuildProgress } from './context.ts'

export interface RebuildReport extends Omit<Tally, 'unreadable' | 'conflicts'> {
  readonly mode: 'replace' | 'merge'
  /** Records that nobody can read. */
  readonly unreadable: readonly Unreadable[]
  /** Groups that could not be written: foreign keys stand at their names. */
  readonly conflicts: readonly StateConflict[]
  /** Whether the signal ended it before all was done. */
  readonly isInterrupted: boolean
}

/**
 * @throws NotRetriable where another rebuild is at work, the workers could not be held back any
 *   longer, or Redis has no room or may have lost something; Unavailable
 */
export async function rebuild(options: RebuildOptions): Promise<RebuildReport> {
  const { config, log, mode, signal } = options
  const outages = new OutageBoard(['kafka', 'redis'], log, Date.now, () => {})
  const redis = openRedis(config.redis, log, (state) => {
    if (state.ready) outages.back('redis', 'connection')
    else outages.away('redis', 'connection', state.detail)
  })
  const tally = emptyTally()
  let isDone = false
  try {
    const site = await openRebuild(options, redis, outages, tally)
    await alone(site, (lock) =>
      mode === 'replace' ? replaceAll(site, lock) : mergeAll(site, lock),
    )
    isDone = true
  } catch (error) {
    const isAborted = error === signal.reason || error instanceof Abandoned
    if (!signal.aborted || !isAborted) throw error
  } finally {
    redis.close()
  }
  return {
    ...tally,
    mode,
    unreadable: [...tally.unreadable.values()],
    conflicts: [...tally.conflicts.values()],
    isInterrupted: !isDone,
  }
}

const LOCK_TTL_MS = 30_000

/** Two at once would fold under the same prefix. */
async function alone(
  site: RebuildContext,
  work: (lock: RedisLock) => Promise<void>,
): Promise<void> {
  const { redis, options, elapsed, patiently } = site
  const key = `${secondPrefix(redis).settings.groupPrefix}lock`
  const terms = { key, token: options.token, ttlMs: LOCK_TTL_MS, elapsed }
  const lock = await patiently(() => acquireLock(redis, terms))
  if (lock === undefined) {
    const message =
      'another rebuild of this Redis is at work, or was killed less than 30 s ago: wait until ' +
      `it is done (its lock is ${key})`
    throw new NotRetriable('redis', message)
  }
  try {
    await work(lock)
  } catch (error) {
    if (!(error instanceof LockLost)) throw error
    throw new NotRetriable(
      'redis',
      'Redis or this process stood still for too long, or Redis lost what was written: it is ' +
        'not safe to go on. Run it again',
      { cause: error },
    )
  } finally {
    await lock.release()
  }
}

async function replaceAll(site: RebuildContext, lock: RedisLock): Promise<void> {
  const { redis, options } = site
  const { onProgress } = options
  onProgress({ kind: 'clearing' })
  await site.patiently(() => clearSecondPrefix(redis, lock))
  try {
    const positions = await foldUntilNearTheEnd(site)
    await pauseAndReplace(site, positions, lock)
    await finish(site, lock, positions)
  } finally {
    onProgress({ kind: 'clearing' })
    // what stays is cleared by the next rebuild
    await clearBehind(site, lock).catch(() => {})
  }
}

/** Also where the lock was lost, but not where another rebuild took it: then it is that one's. */
async function clearBehind({ redis }: RebuildContext, { terms }: RedisLock): Promise<void> {
  const lock = await acquireLock(redis, terms)
  if (lock === undefined) return
  try {
    await clearSecondPrefix(redis, lock)
  } finally {
    await lock.release()
  }
}

async function mergeAll(site: RebuildContext, lock: RedisLock): Promise<void> {
  const { config, log, signal, onProgress } = site.options
  const { starts, ends } = await site.patiently(() => readBounds(config.kafka, log))
  const positions = new Map(starts)
  onProgress({ kind: 'reading', records: countOffsets(starts, ends) })
  await site.patiently(() => foldUpTo(site.intoLive, positions, ends, signal))
  await finish(site, lock, positions)
}

/** The rest is to be little, for the workers wait while it is read. */
const NEAR_RECORDS = 20_000
/** Where the workers' pace is ours, the end is never near. */
const MAX_ROUNDS = 5

async function foldUntilNearTheEnd(site: RebuildContext): Promise<Map<number, bigint>> {
  const { config, log, signal, onProgress } = site.options
  const first = await site.patiently(() => readBounds(config.kafka, log))
  const positions = new Map(first.starts)
  let { ends } = first
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const records = countOffsets(positions, ends)
    if (round > 0 && records < NEAR_RECORDS) break
    onProgress({ kind: 'reading', records })
    await site.patiently(() => foldUpTo(site.intoSecond, positions, ends, signal))
    ends = (await site.patiently(() => readBounds(config.kafka, log))).ends
  }
  return positions
}

/** What follows from the groups: the user index, and up to where the events are in Redis. */
async function finish(site: RebuildContext, lock: RedisLock, applied: Offsets): Promise<void> {
  const { redis, live, options, tally, patiently } = site
  const { config, signal, onProgress } = options
  signal.throwIfAborted()
  onProgress({ kind: 'mending' })
  if (config.redis.userIndex) {
    addConflicts(tally, await patiently(() => repairUserIndex(redis, live, signal)))
  }
  const { topic, groupId } = config.kafka
  const checkpoints = openCheckpoints(redis, topic, groupId)
  await patiently(async () => {
    // a checkpoint must not hide a loss
    await lock.confirm()
    await site.assertSameServers()
    await advanceCheckpoints(checkpoints, applied)
  })
}
