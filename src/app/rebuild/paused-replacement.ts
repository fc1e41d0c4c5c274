/**
 * The part of a rebuild for which the workers are paused.
 *
 * While the pause stands, no checkpoint of a partition moves: a batch whose merge met an old group
 * just before that was replaced is merged again afterwards. That also holds where this process
 * is killed. One batch could slip through: begun during the pause, with records behind the ends
 * that were read at its start, and marked after its end. So before the pause ends, what has
 * come by then is merged into the groups that now stand.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { NotRetriable } from '../../pipeline/errors.ts'
import { pauseKey } from '../../redis/keys.ts'
import { walkGroups } from '../../redis/reading/key-walk.ts'
import { acquireLock, type RedisLock } from '../../redis/rebuild/redis-lock.ts'
import { replaceGroups, secondPrefix, withoutReplacement } from '../../redis/rebuild/replacement.ts'
import type { Offsets } from '../topic-fold.ts'
import { readBounds } from '../topic-view.ts'
import { addConflicts, type RebuildContext } from './context.ts'
import { foldUpTo } from './fold.ts'

/**
 * @param positions up to where the topic is under the second prefix; moved on to where all of
 *   it is in the groups that stand
 * @param lock of the rebuild: where it is lost, another one may fold under the same prefix
 * @throws LockLost where the pause or the lock was over too soon; NotRetriable, Unavailable; the
 *   signal's reason where it was aborted before the first group was put in place
 */
export async function pauseAndReplace(
  site: RebuildContext,
  positions: Map<number, bigint>,
  lock: RedisLock,
): Promise<void> {
  const { options, elapsed, tally } = site
  const { signal, onProgress } = options
  await site.patiently(() => lock.confirm())
  const candidates = await site.patiently(() => groupsWithoutReplacement(site))
  const pausedAtMs = elapsed()
  const pause = await pauseWorkers(site)
  let mayGoOn = true
  try {
    onProgress({ kind: 'paused' })
    await foldUpTo(site.intoSecond, positions, await endsNow(site, positions), signal)
    await site.assertSameServers()
    await lock.confirm()
    onProgress({ kind: 'placing' })
    mayGoOn = false
    try {
      await placeAll(site, pause, candidates)
    } finally {
      await mergeLatest(site, positions)
      mayGoOn = true
    }
  } finally {
    // what is merged by now may be lost with an old group: no checkpoint of it until it is given up
    if (mayGoOn) await pause.release()
    else pause.leave()
    tally.pausedMs = elapsed() - pausedAtMs
  }
}

async function groupsWithoutReplacement({ redis }: RebuildContext): Promise<Set<string>> {
  const found = new Set<string>()
  for await (const ids of walkGroups(redis)) {
    for (const id of await withoutReplacement(redis, ids)) found.add(id)
  }
  return found
}

const PAUSE_TTL_MS = 30_000
const POLL_MS = 500

/** A pause that is left of a rebuild that was killed is over soon. */
async function pauseWorkers({
  redis,
  options,
  elapsed,
  patiently,
}: RebuildContext): Promise<RedisLock> {
  const { topic, groupId } = options.config.kafka
  const key = pauseKey(topic, groupId)
  const terms = { key, token: options.token, ttlMs: PAUSE_TTL_MS, elapsed }
  const deadlineMs = elapsed() + 2 * PAUSE_TTL_MS
  while (elapsed() < deadlineMs) {
    options.signal.throwIfAborted()
    const pause = await patiently(() => acquireLock(redis, terms))
    if (pause !== undefined) return pause
    await sleep(POLL_MS)
  }
  throw new NotRetriable('redis', `somebody else holds the pause of these workers: ${key}`)
}

/**
 * Where the topic ends, to be asked once the workers are paused.
 *
 * @throws NotRetriable where the topic does not hold any more what was read, or was to be read
 */
async function endsNow({ options }: RebuildContext, positions: Offsets): Promise<Offsets> {
  const { config, log, acceptGaps } = options
  const { starts, ends } = await readBounds(config.kafka, log)
  for (const [partition, start] of starts) {
    if (acceptGaps || start === 0n) continue
    throw changed(`retention took records of partition ${partition} while they were read`)
  }
  for (const [partition, position] of positions) {
    if ((ends.get(partition) ?? 0n) >= position) continue
    throw changed(`partition ${partition} ends before what was read of it: a topic made anew?`)
  }
  return ends
}

function changed(what: string): NotRetriable {
  return new NotRetriable('kafka', `${what}. Nothing was put in place; run it again`)
}

async function placeAll(
  { redis, options, tally, patiently }: RebuildContext,
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
  // before the first is placed: from then on, nobody can tell who had nothing new
  const unknown = await patiently(() => withoutReplacement(redis, [...candidates]))
  if (prune) await patiently(() => place(unknown, 'delete'))
  tally.stayed = prune ? unknown.filter((id) => tally.conflicts.has(id)) : unknown
  await patiently(async () => {
    for await (const ids of walkGroups(secondPrefix(redis))) {
      if (signal.aborted) return
      await place(ids, 'keep')
    }
  })
}

async function mergeLatest({ options, intoLive }: RebuildContext, positions: Map<number, bigint>) {
  const { ends } = await readBounds(options.config.kafka, options.log)
  await foldUpTo(intoLive, positions, ends)
}
