/**
 * The steps of a rebuild during which the workers are paused: fold the rest of the topic, replace
 * the groups, merge the latest records.
 *
 * The pause is a key in Redis (`pauseKey`). While it exists, no checkpoint can be written, so no
 * worker commits. A worker may still merge into an old group right before that is replaced, and
 * that merge is lost with the old group. But its checkpoint fails, so the worker retries: it merges
 * the batch again. This also holds if this process is killed and the pause expires.
 *
 * One batch would escape: it begins during the pause, with records after the ends that we read
 * when the pause began, and its checkpoint is written after the pause. Therefore we read the ends
 * once more before the pause ends, and merge all records up to there into the live groups.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { NotRetriable } from '../../pipeline/errors.ts'
import { pauseKey } from '../../redis/keys.ts'
import { walkGroups } from '../../redis/reading/key-walk.ts'
import { acquireLock, type RedisLock } from '../../redis/rebuild/redis-lock.ts'
import {
  groupsWithoutReplacement,
  replaceGroups,
  secondPrefix,
} from '../../redis/rebuild/replacement.ts'
import type { Offsets } from '../topic-reader.ts'
import { readBounds } from '../topic-view.ts'
import { addConflicts, type RebuildContext } from './context.ts'
import { foldUpTo } from './fold.ts'

/**
 * Pauses the workers, replaces all groups, and ends the pause.
 *
 * @param positions the next offset of each partition to be folded under the second prefix;
 *   advanced to the offsets before which all is in the live groups
 * @param lock the lock of the rebuild: without it, another rebuild may write the second prefix
 * @throws LockLost if the pause or the lock was lost; NotRetriable; Unavailable; the signal's
 *   reason if it was aborted before the first group was replaced
 */
export async function pauseAndReplace(
  context: RebuildContext,
  positions: Map<number, bigint>,
  lock: RedisLock,
): Promise<void> {
  const { options, elapsed, tally, retry } = context
  const { signal, onProgress } = options
  await retry(() => lock.confirm())
  const candidates = await retry(() => allWithoutReplacement(context))
  const pausedAtMs = elapsed()
  const pause = await pauseWorkers(context)
  let mayResume = true
  try {
    onProgress({ kind: 'paused' })
    await foldUpTo(context.intoSecond, positions, await readEnds(context, positions), signal)
    await context.assertSameServers()
    await lock.confirm()
    onProgress({ kind: 'placing' })
    mayResume = false
    try {
      await placeAll(context, pause, candidates)
    } finally {
      await mergeLatest(context, positions)
      mayResume = true
    }
  } finally {
    // If the latest records could not be merged, a batch in flight may have been merged into an old
    // group only. The pause then stays until it expires: by then every such batch was retried, or
    // abandoned without a checkpoint.
    if (mayResume) await pause.release()
    else pause.stopRenewing()
    tally.pausedMs = elapsed() - pausedAtMs
  }
}

/** The live groups that have no copy under the second prefix yet. */
async function allWithoutReplacement({ redis }: RebuildContext): Promise<Set<string>> {
  const found = new Set<string>()
  for await (const ids of walkGroups(redis)) {
    for (const id of await groupsWithoutReplacement(redis, ids)) found.add(id)
  }
  return found
}

const PAUSE_TTL_MS = 30_000
const POLL_MS = 500

/** Acquires the pause. One that a killed rebuild left behind expires within its time to live. */
async function pauseWorkers({
  redis,
  options,
  elapsed,
  retry,
}: RebuildContext): Promise<RedisLock> {
  const { topic, groupId } = options.config.kafka
  const key = pauseKey(topic, groupId)
  const lockOptions = { key, token: options.token, ttlMs: PAUSE_TTL_MS, elapsed }
  const deadlineMs = elapsed() + 2 * PAUSE_TTL_MS
  while (elapsed() < deadlineMs) {
    options.signal.throwIfAborted()
    const pause = await retry(() => acquireLock(redis, lockOptions))
    if (pause !== undefined) return pause
    await sleep(POLL_MS)
  }
  throw new NotRetriable(
    'redis',
    `another process has paused these workers: it holds the key ${key}. Run it again later`,
  )
}

/**
 * Reads where the topic ends, once the workers are paused.
 *
 * @throws NotRetriable if the topic no longer holds all records that were read or are to be read
 */
async function readEnds({ options }: RebuildContext, positions: Offsets): Promise<Offsets> {
  const { config, log, acceptGaps } = options
  const { starts, ends } = await readBounds(config.kafka, log)
  for (const [partition, start] of starts) {
    if (acceptGaps || start === 0n) continue
    throw topicChanged(`retention deleted records of partition ${partition} during the rebuild.`)
  }
  for (const [partition, position] of positions) {
    if ((ends.get(partition) ?? 0n) >= position) continue
    throw topicChanged(
      `partition ${partition} ends before offsets that were already read: was the topic recreated?`,
    )
  }
  return ends
}

function topicChanged(how: string): NotRetriable {
  return new NotRetriable('kafka', `${how} No group was replaced; run it again`)
}

async function placeAll(
  { redis, options, tally, retry }: RebuildContext,
  pause: RedisLock,
  candidates: ReadonlySet<string>,
): Promise<void> {
  const { prune, signal } = options
  const place = async (ids: readonly string[], absent: 'keep' | 'delete') => {
    const { placed, deleted, conflicts } = await replaceGroups(redis, ids, pause, absent)
    tally.placed += placed
    tally.pruned += deleted
    addConflicts(tally, conflicts)
  }
  // before the first group is placed: placing a group removes its copy under the second prefix
  const unknown = await retry(() => groupsWithoutReplacement(redis, [...candidates]))
  if (prune) await retry(() => place(unknown, 'delete'))
  tally.stayed = prune ? unknown.filter((id) => tally.conflicts.has(id)) : unknown
  await retry(async () => {
    for await (const ids of walkGroups(secondPrefix(redis))) {
      if (signal.aborted) return
      await place(ids, 'keep')
    }
  })
}

/** Merges what came during the pause into the live groups; see the top of this file. */
async function mergeLatest({ options, intoLive }: RebuildContext, positions: Map<number, bigint>) {
  const { ends } = await readBounds(options.config.kafka, options.log)
  await foldUpTo(intoLive, positions, ends)
}
