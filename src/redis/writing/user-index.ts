/**
 * Writes the user index on a Cluster, where the keys of users are in other slots than those of their
 * groups. merge.lua answers the membership of each user, and the index is set to it. Another worker
 * may change the membership meanwhile, so the merge is repeated until the memberships stay the same.
 */
import { Unavailable } from '../../pipeline/errors.ts'
import type { RedisConnection } from '../connection/connection.ts'
import { codeOf } from '../connection/error-translation.ts'
import { groupsKey, leftKey, userKey } from '../keys.ts'
import type { Conflicts } from '../reading/conflict.ts'
import { settleAll } from '../settle-all.ts'
import type { MergeCall } from './patch-packing.ts'

/** As merge.lua answers: '' for none; the clock, then `m` for a member or `l` for one who left. */
type EncodedMembership = string

const MAX_ROUNDS = 20

/** Calls `merge` and sets the index to the memberships that it answers, until they stay the same. */
export async function mergeWithIndexOutside(
  connection: RedisConnection,
  call: MergeCall,
  merge: () => Promise<readonly (readonly EncodedMembership[])[]>,
  conflicts: Conflicts,
): Promise<void> {
  const known = new Map<string, EncodedMembership>()
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const memberships = await merge()
    const writes: Promise<void>[] = []
    for (const [i, { groupId, users }] of call.chunks.entries()) {
      if (conflicts.has(groupId)) continue
      for (const [u, userId] of [...users.keys()].entries()) {
        const membership = memberships[i]?.[u] ?? ''
        const place = `${i} ${u}`
        if (known.get(place) === membership) continue
        known.set(place, membership)
        writes.push(setIndexEntry(connection, groupId, userId, membership, 'inf', conflicts))
      }
    }
    if (writes.length === 0) return
    await settleAll(writes)
  }
  throw new Unavailable(
    'redis',
    'other workers keep changing the users of these groups: the merge must be repeated',
  )
}

/** Removes users from the index whose entry is as of the clock (16 digits) or before. */
export async function removeIndexEntries(
  connection: RedisConnection,
  groupId: string,
  userIds: readonly string[],
  digits: string,
  conflicts: Conflicts,
): Promise<void> {
  await settleAll(
    userIds.map((userId) => setIndexEntry(connection, groupId, userId, '', digits, conflicts)),
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
