/**
 * The part of a rebuild for which the workers are paused.
 *
 * While the pause stands, no mark of a partition moves: a batch whose merge met an old group
 * just before that was replaced is merged again afterwards. That also holds where this process
 * is killed. One batch could slip through: begun during the pause, with records behind the ends
 * that were read at its start, and marked after its end. So before the pause ends, what has
 * come by then is merged into the groups that now stand.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Refused } from '../pipeline/outage.ts'
import { walkGroups } from '../redis/key-walk.ts'
import { pauseKey } from '../redis/keys.ts'
import { type Lease, takeLease } from '../redis/lease.ts'
import { replaceGroups, secondPrefix, withoutNews } from '../redis/replacement.ts'
import { foldUpTo } from './rebuild-fold.ts'
import { addConflicts, type Site } from './rebuild-site.ts'
import { readBounds } from './rebuild-topic.ts'
import type { Offsets } from './topic-fold.ts'

export interface Placed {
  readonly groups: number
  readonly pruned: number
  /** Groups that the topic knows nothing of, and that stay. */
  readonly stayed: readonly string[]
  /** How long the workers were paused, in milliseconds. */
  readonly pausedMs: number
}

/**
 * @param positions up to where the topic is under the second prefix; moved on to where all of
 *   it is in the groups that stand
 * @throws LeaseLost where the pause was over too soon; Refused, Unavailable; the signal's reason
 *   where it was aborted before the first group was put in place
 */
export async function pauseAndPlace(site: Site, positions: Map<number, bigint>): Promise<Placed> {
  const { options, elapsed } = site
  const { signal, onProgress } = options
  const candidates = await site.patiently(() => groupsWithoutNews(site))
  const pausedAtMs = elapsed()
  const pause = await pauseWorkers(site)
  onProgress({ kind: 'paused' })
  try {
    await foldUpTo(site.intoSecond, positions, await endsNow(site, positions), signal)
    onProgress({ kind: 'placing' })
    const placed = await placeAll(site, pause, candidates).catch(async (error) => {
      await mergeLatest(site, positions).catch(() => {}) // the error tells to begin anew
      throw error
    })
    await mergeLatest(site, positions)
    return { ...placed, pausedMs: elapsed() - pausedAtMs }
  } finally {
    await pause.giveBack()
  }
}

async function groupsWithoutNews({ redis }: Site): Promise<Set<string>> {
  const found = new Set<string>()
  for await (const ids of walkGroups(redis)) {
    for (const id of await withoutNews(redis, ids)) found.add(id)
  }
  return found
}

const PAUSE_TTL_MS = 30_000
const POLL_MS = 500

/** A pause that is left of a rebuild that was killed is over soon. */
async function pauseWorkers({ redis, options, elapsed, patiently }: Site): Promise<Lease> {
  const { topic, groupId } = options.config.kafka
  const key = pauseKey(topic, groupId)
  const terms = { key, token: options.token, ttlMs: PAUSE_TTL_MS, elapsed }
  const deadlineMs = elapsed() + 2 * PAUSE_TTL_MS
  while (elapsed() < deadlineMs) {
    options.signal.throwIfAborted()
    const pause = await patiently(() => takeLease(redis, terms))
    if (pause !== undefined) return pause
    await sleep(POLL_MS)
  }
  throw new Refused('redis', `somebody else holds the pause of these workers: ${key}`)
}

/**
 * Where the topic ends, to be asked once the workers are paused.
 *
 * @throws Refused where the topic does not hold any more what was read, or was to be read
 */
async function endsNow({ options }: Site, positions: Offsets): Promise<Offsets> {
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

function changed(what: string): Refused {
  return new Refused('kafka', `${what}. Nothing was put in place; run it again`)
}

async function placeAll(
  site: Site,
  pause: Lease,
  candidates: ReadonlySet<string>,
): Promise<Omit<Placed, 'pausedMs'>> {
  const { redis, options } = site
  const counts = { groups: 0, pruned: 0 }
  const place = async (ids: readonly string[], absent: 'keep' | 'delete') => {
    const { placed, deleted, conflicts } = await replaceGroups(redis, ids, pause, absent)
    counts.groups += placed
    counts.pruned += deleted
    addConflicts(site.tally, conflicts)
  }
  // before the first is placed: from then on, nobody can tell who had nothing new
  const unknown = await site.patiently(() => withoutNews(redis, [...candidates]))
  if (options.prune) await site.patiently(() => place(unknown, 'delete'))
  await site.patiently(async () => {
    for await (const ids of walkGroups(secondPrefix(redis))) {
      if (options.signal.aborted) return
      await place(ids, 'keep')
    }
  })
  const { conflicts } = site.tally
  const stayed = options.prune ? unknown.filter((id) => conflicts.has(id)) : unknown
  return { ...counts, stayed }
}

async function mergeLatest({ options, intoLive }: Site, positions: Map<number, bigint>) {
  const { ends } = await readBounds(options.config.kafka, options.log)
  await foldUpTo(intoLive, positions, ends)
}
