/**
 * Rebuilds the state in Redis from the topic, while the workers go on.
 *
 * Mode `replace`:
 *   1. lock      so that only one rebuild uses the second prefix
 *   2. fold      the topic into groups under the second prefix, while the workers go on
 *   3. pause     the workers (paused-replacement.ts, up to step 6)
 *   4. fold      into the second prefix what was produced since
 *   5. replace   each live group by its copy under the second prefix
 *   6. merge     what was produced during the pause into the live groups; end the pause
 *   7. repair    the user index from the groups
 *   8. advance   the checkpoints to the offsets before which all is applied
 *
 * Mode `merge`, for a topic that no longer holds all records: lock, fold the topic into the live
 * groups, repair, advance.
 *
 * Wherever a rebuild is interrupted, nothing is lost, and running it again does all of it.
 */
import { Abandoned, NotRetriable } from '../../pipeline/errors.ts'
import type { StateConflict } from '../../pipeline/ports.ts'
import { openCheckpoints } from '../../redis/checkpoint/checkpoints.ts'
import { openRedis } from '../../redis/connection/connection.ts'
import { acquireLock, LockLost, type RedisLock } from '../../redis/rebuild/redis-lock.ts'
import { clearSecondPrefix, secondPrefix } from '../../redis/rebuild/replacement.ts'
import { repairUserIndex } from '../../redis/rebuild/user-index-repair.ts'
import { OutageBoard } from '../outage-board.ts'
import { countOffsets, type Offsets, type Unreadable } from '../topic-reader.ts'
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
import { pauseAndReplace } from './paused-replacement.ts'

export type { RebuildOptions, RebuildProgress } from './context.ts'

export interface RebuildReport extends Omit<Tally, 'unreadable' | 'conflicts'> {
  readonly mode: 'replace' | 'merge'
  /** Records that cannot be read. */
  readonly unreadable: readonly Unreadable[]
  /** Groups that could not be written: a key of theirs has the wrong type or is malformed. */
  readonly conflicts: readonly StateConflict[]
  /** Whether the signal ended the rebuild early. */
  readonly isInterrupted: boolean
}

/**
 * Runs a rebuild, and reports what it did.
 *
 * @throws NotRetriable if another rebuild is running, the lock or the pause was lost, Redis is
 *   full, or Redis may have lost writes; Unavailable
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
    const context = await openRebuild(options, redis, outages, tally)
    await withLock(context, (lock) =>
      mode === 'replace' ? replaceAll(context, lock) : mergeAll(context, lock),
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

/** Without the lock, two rebuilds could fold into the same second prefix. */
async function withLock(
  context: RebuildContext,
  work: (lock: RedisLock) => Promise<void>,
): Promise<void> {
  const { redis, options, elapsed, retry } = context
  const key = `${secondPrefix(redis).settings.groupPrefix}lock`
  const lockOptions = { key, token: options.token, ttlMs: LOCK_TTL_MS, elapsed }
  const lock = await retry(() => acquireLock(redis, lockOptions))
  if (lock === undefined) {
    const message =
      'another rebuild of this Redis is running, or was killed less than 30 s ago: wait until ' +
      `it has ended (its lock is the key ${key})`
    throw new NotRetriable('redis', message)
  }
  try {
    await work(lock)
  } catch (error) {
    if (!(error instanceof LockLost)) throw error
    throw new NotRetriable(
      'redis',
      'Redis or this process was frozen for too long, or Redis lost what was written: it is ' +
        'not safe to go on. Run it again',
      { cause: error },
    )
  } finally {
    await lock.release()
  }
}

async function replaceAll(context: RebuildContext, lock: RedisLock): Promise<void> {
  const { redis, options, retry } = context
  const { onProgress } = options
  onProgress({ kind: 'clearing' })
  await retry(() => clearSecondPrefix(redis, lock))
  try {
    const positions = await foldUntilNearTheEnd(context)
    await pauseAndReplace(context, positions, lock)
    await finish(context, lock, positions)
  } finally {
    onProgress({ kind: 'clearing' })
    // if this fails, the next rebuild clears the second prefix before it begins
    await clearAtEnd(context, lock).catch(() => {})
  }
}

/**
 * Clears the second prefix even if our lock was lost, but not if another rebuild acquired it since:
 * then the groups there are that rebuild's.
 */
async function clearAtEnd({ redis }: RebuildContext, { options }: RedisLock): Promise<void> {
  const lock = await acquireLock(redis, options)
  if (lock === undefined) return
  try {
    await clearSecondPrefix(redis, lock)
  } finally {
    await lock.release()
  }
}

async function mergeAll(context: RebuildContext, lock: RedisLock): Promise<void> {
  const { intoLive, retry } = context
  const { config, log, signal, onProgress } = context.options
  const { starts, ends } = await retry(() => readBounds(config.kafka, log))
  const positions = new Map(starts)
  onProgress({ kind: 'reading', records: countOffsets(starts, ends) })
  await retry(() => foldUpTo(intoLive, positions, ends, signal))
  await finish(context, lock, positions)
}

/** Few enough records to be read while the workers are paused. */
const NEAR_RECORDS = 20_000
/** While events are produced as fast as we fold them, we never come near the end. */
const MAX_ROUNDS = 5

/** @returns the next offset of each partition to be folded under the second prefix */
async function foldUntilNearTheEnd(context: RebuildContext): Promise<Map<number, bigint>> {
  const { intoSecond, retry } = context
  const { config, log, signal, onProgress } = context.options
  const first = await retry(() => readBounds(config.kafka, log))
  const positions = new Map(first.starts)
  let { ends } = first
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const records = countOffsets(positions, ends)
    if (round > 0 && records < NEAR_RECORDS) break
    onProgress({ kind: 'reading', records })
    await retry(() => foldUpTo(intoSecond, positions, ends, signal))
    ends = (await retry(() => readBounds(config.kafka, log))).ends
  }
  return positions
}

/**
 * Repairs the user index, and advances the checkpoints.
 *
 * @param applied the offsets before which all is in the live groups
 */
async function finish(context: RebuildContext, lock: RedisLock, applied: Offsets): Promise<void> {
  const { redis, live, options, tally, retry } = context
  const { config, signal, onProgress } = options
  signal.throwIfAborted()
  onProgress({ kind: 'repairing' })
  if (config.redis.userIndex) {
    addConflicts(tally, await retry(() => repairUserIndex(redis, live, signal)))
  }
  const { topic, groupId } = config.kafka
  const checkpoints = openCheckpoints(redis, topic, groupId)
  await retry(async () => {
    // if Redis lost writes, an advanced checkpoint would hide that from the workers
    await lock.confirm()
    await context.assertSameServers()
    await advanceCheckpoints(checkpoints, applied)
  })
}
