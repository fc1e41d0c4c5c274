/** Looks for entries of the user index that no group explains. */
import { askAtStart } from '../../redis/connection/ask.ts'
import { type IndexEntry, walkIndex } from '../../redis/reading/key-walk.ts'
import type { StoredMembership } from '../../redis/reading/layout.ts'
import { inGroup, inIndex, readMemberships } from '../../redis/reading/memberships.ts'
import { endsOf } from '../topic-view.ts'
import type { VerificationContext } from './context.ts'
import type { Finding } from './judgement.ts'

/**
 * Reports the entries whose group does not have the user at all. Whether an entry agrees with the
 * group is checked when the group itself is compared.
 */
export async function compareIndex(context: VerificationContext): Promise<void> {
  const { redis, retry, signal, onStep } = context
  let suspects: IndexEntry[] = []
  let count = 0
  for await (const entries of walkIndex(redis, retry.redis)) {
    signal.throwIfAborted()
    count += entries.length
    onStep({ kind: 'index', entries: count })
    suspects.push(...(await unexplained(context, entries)))
    if (suspects.length < MAX_SUSPECTS) continue
    await recheck(context, suspects)
    suspects = []
  }
  await recheck(context, suspects)
}

/** How many suspects are kept before they are checked again. */
const MAX_SUSPECTS = 10_000

/**
 * Checks entries again once the workers have passed the current end of the topic. Reads the index
 * before the groups: workers write the index from the group, so an entry that exists now and that
 * no group explains afterwards is wrong.
 */
async function recheck(
  context: VerificationContext,
  suspects: readonly IndexEntry[],
): Promise<void> {
  if (suspects.length === 0) return
  const { topic, tally } = context
  await context.waitForWorkers(endsOf(await topic.offsets()))
  const memberships = await membershipsOf(context, suspects, inIndex)
  const present = suspects.filter((_, i) => memberships[i] !== null)
  const lasting = await unexplained(context, present)
  for (const [groupId, entries] of Map.groupBy(lasting, (entry) => entry.groupId)) {
    const userIds = new Set(entries.map(({ userId }) => userId))
    tally.hasStrayEntries(groupId, Array.from(userIds, strayEntry))
  }
}

function strayEntry(userId: string): Finding {
  const found = 'an entry, but the group has no such user'
  return { kind: 'index', name: userId, expected: null, found, isBeyond: false }
}

/** Returns the entries whose group has no such user. */
async function unexplained(
  context: VerificationContext,
  entries: readonly IndexEntry[],
): Promise<IndexEntry[]> {
  const memberships = await membershipsOf(context, entries, inGroup)
  return entries.filter((_, i) => memberships[i] === null)
}

async function membershipsOf(
  { redis, retry }: VerificationContext,
  entries: readonly IndexEntry[],
  where: typeof inGroup,
): Promise<StoredMembership[]> {
  const queries = entries.map(({ groupId, userId }) => where(redis.settings, groupId, userId))
  return await retry.redis(() => askAtStart(redis, () => readMemberships(redis, queries)))
}
