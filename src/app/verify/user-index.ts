/** Looks for entries of the user index that no group explains. */

import { type IndexEntry, walkIndex } from '../../redis/reading/key-walk.ts'
import { inGroup, inIndex, readStandings, type Standing } from '../../redis/reading/memberships.ts'
import { asking } from '../../redis/reading/state-reader.ts'
import { endsOf } from '../topic-view.ts'
import type { Finding } from './judgement.ts'
import type { Verifying } from './verification.ts'

/**
 * An entry is explained by its group having the user at all: whether both agree was seen when
 * the group was compared.
 */
export async function compareIndex(verifying: Verifying): Promise<void> {
  const { redis, patience, signal, onStep } = verifying
  let suspects: IndexEntry[] = []
  let entries = 0
  for await (const some of walkIndex(redis, patience.redis)) {
    signal.throwIfAborted()
    entries += some.length
    onStep({ kind: 'index', entries })
    suspects.push(...(await unexplained(verifying, some)))
    if (suspects.length < MANY) continue
    await settle(verifying, suspects)
    suspects = []
  }
  await settle(verifying, suspects)
}

const MANY = 10_000

/**
 * What is unexplained still, once the workers have passed all there is by now. The index is
 * asked first: it follows the group.
 */
async function settle(verifying: Verifying, suspects: readonly IndexEntry[]): Promise<void> {
  if (suspects.length === 0) return
  const { topic, tally } = verifying
  await verifying.untilPassed(endsOf(await topic.offsets()))
  const standings = await standingsOf(verifying, suspects, inIndex)
  const present = suspects.filter((_, i) => standings[i] !== null)
  const lasting = await unexplained(verifying, present)
  for (const [groupId, entries] of Map.groupBy(lasting, (entry) => entry.groupId)) {
    const userIds = new Set(entries.map(({ userId }) => userId))
    tally.hasStrayEntries(groupId, Array.from(userIds, unexplainedEntry))
  }
}

function unexplainedEntry(userId: string): Finding {
  const found = 'an entry, but the group has no such user'
  return { kind: 'index', name: userId, expected: null, found, isBeyond: false }
}

/** The entries whose group has no such user. */
async function unexplained(
  verifying: Verifying,
  entries: readonly IndexEntry[],
): Promise<IndexEntry[]> {
  const standings = await standingsOf(verifying, entries, inGroup)
  return entries.filter((_, i) => standings[i] === null)
}

async function standingsOf(
  { redis, patience }: Verifying,
  entries: readonly IndexEntry[],
  where: typeof inGroup,
): Promise<Standing[]> {
  const questions = entries.map(({ groupId, userId }) => where(redis.settings, groupId, userId))
  return await patience.redis(() => asking(redis, () => readStandings(redis, questions)))
}
