/**
 * The user index on a Cluster, where the keys of users are in other slots than those of their
 * groups: merge.lua answers how each user stands, and the index is set to that. Another worker
 * may have changed the membership meanwhile, so it is asked again until it stays the same.
 */
import { Unavailable } from '../../pipeline/errors.ts'
import type { RedisConnection } from '../connection/connection.ts'
import { codeOf } from '../connection/failure.ts'
import { groupsKey, leftKey, userKey } from '../keys.ts'
import type { Conflicts } from '../reading/conflict.ts'
import type { MergeCall } from './patch-packing.ts'

/** How merge.lua answers: '' none, or the clock and `m` for a member, `l` for one who left. */
type EncodedMembership = string

const MAX_ROUNDS = 20

/** Calls `merge` and sets the index to the memberships it answers, until they stay the same. */
export async function mergeWithIndexOutside(
  connection: RedisConnection,
  call: MergeCall,
  merge: () => Promise<readonly (readonly EncodedMembership[])[]>,
  conflicts: Conflicts,
): Promise<void> {
  const known = new Map<string, EncodedMembership>()
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const memberships = await merge()
    const news: Promise<void>[] = []
    for (const [i, { groupId, users }] of call.chunks.entries()) {
      if (conflicts.has(groupId)) continue
      for (const [u, userId] of [...users.keys()].entries()) {
        const membership = memberships[i]?.[u] ?? ''
        const place = `${i} ${u}`
        if (known.get(place) === membership) continue
        known.set(place, membership)
        news.push(setIndexEntry(connection, groupId, userId, membership, 'inf', conflicts))
      }
    }
    if (news.length === 0) return
    await settleAll(news)
  }
  throw new Unavailable('redis', 'users of these groups keep changing: to be merged again')
}

/** Takes users out of the index where they stand there as of the clock (16 digits) or before. */
export async function removeIndexEntries(
  connection: RedisConnection,
  groupId: string,
  userIds: readonly string[],
  clock: string,
  conflicts: Conflicts,
): Promise<void> {
  await settleAll(
    userIds.map((userId) => setIndexEntry(connection, groupId, userId, '', clock, conflicts)),
  )
}

async function setIndexEntry(
  { client, settings }: RedisConnection,
  groupId: string,
  userId: string,
  membership: EncodedMembership,
  upTo: string,
  conflicts: Conflicts,
): Promise<void> {
  const key = userKey(settings, userId)
  try {
    await client.setUserIndex(groupsKey(key), leftKey(key), groupId, membership, upTo)
  } catch (error) {
    if (!(error instanceof Error) || codeOf(error) !== 'WRONGTYPE') throw error
    conflicts.set(groupId, { finding: 'WRONGTYPE', userIds: [userId] })
  }
}

/** Throws the first failure, but only once nothing is under way any more. */
async function settleAll(work: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) {
    if (result.status === 'rejected') throw result.reason
  }
}
