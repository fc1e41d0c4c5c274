/** Erases a group as of a time, page by page, by erase.lua. */

import type { RedisConnection } from '../connection/connection.ts'
import { groupKey, userKey } from '../keys.ts'
import type { Conflicts } from '../reading/conflict.ts'
import { clockDigits } from './patch-packing.ts'
import { removeIndexEntries } from './user-index.ts'

/** Limits for one call, so that it holds Redis for a few milliseconds at most. */
export interface PageLimits {
  readonly maxFields: number
  readonly maxUsers: number
}

/** Who writes the user index: the scripts, this program, or nobody. */
export type IndexPlace = 'inside' | 'outside' | 'none'

/**
 * Erases whatever of the group is as of `erasedAt` or before. If the group cannot be written, adds
 * it to `conflicts` instead.
 *
 * @throws what the client throws; then repeat the erasure from the start, which is safe
 */
export async function eraseGroup(
  connection: RedisConnection,
  { groupId, erasedAt }: { readonly groupId: string; readonly erasedAt: number },
  index: IndexPlace,
  limits: PageLimits,
  conflicts: Conflicts,
): Promise<void> {
  const { client, settings } = connection
  const key = groupKey(settings, groupId)
  const digits = clockDigits(erasedAt)
  const sameForEachPage = [groupId, digits, limits.maxFields, limits.maxUsers]
  let stage = 'clocks'
  let cursor = '0'
  let users: readonly Buffer[] = []
  do {
    if (index === 'outside' && users.length > 0) {
      await removeIndexEntries(connection, groupId, users.map(String), digits, conflicts)
      if (conflicts.has(groupId)) return
    }
    // ids go back as bytes: one that another program wrote need not be UTF-8
    const idsAndKeys = users.flatMap((id) => [id, userKey(settings, String(id))])
    const [conflict, nextStage, nextCursor, nextUsers] = await client.eraseGroupBuffer(
      key,
      ...sameForEachPage,
      stage,
      cursor,
      index,
      ...idsAndKeys,
    )
    if (conflict.length > 0) {
      conflicts.set(groupId, { finding: String(conflict), userIds: users.map(String) })
      return
    }
    stage = String(nextStage)
    cursor = String(nextCursor)
    users = nextUsers
  } while (stage !== 'done' || users.length > 0)
}
