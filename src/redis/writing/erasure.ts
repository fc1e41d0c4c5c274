/** Erases groups as of a time, page by page: erase.lua. */

import type { RedisConnection } from '../connection/connection.ts'
import { groupKey, userKey } from '../keys.ts'
import type { Conflicts } from '../reading/conflict.ts'
import { clockDigits } from './patch-packing.ts'
import { removeIndexEntries } from './user-index.ts'

/** What keeps one call from holding Redis for longer than some milliseconds. */
export interface PageLimits {
  readonly maxFields: number
  readonly maxUsers: number
}

export type IndexPlace = 'inside' | 'outside' | 'none'

/**
 * Resolves once all of the group is gone that is as of the clock or before, or with an entry
 * in `conflicts`. Rejects with errors of the client; to be begun anew then.
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
  const clock = clockDigits(erasedAt)
  const fixed = [groupId, clock, limits.maxFields, limits.maxUsers]
  let walk = 'clocks'
  let cursor = '0'
  let users: readonly Buffer[] = []
  do {
    if (index === 'outside' && users.length > 0) {
      await removeIndexEntries(connection, groupId, users.map(String), clock, conflicts)
      if (conflicts.has(groupId)) return
    }
    // ids go back as the bytes they came as: a foreign one may be no text
    const named = users.flatMap((id) => [id, userKey(settings, String(id))])
    const reply = await client.eraseGroupBuffer(key, ...fixed, walk, cursor, index, ...named)
    if (reply[0].length > 0) {
      conflicts.set(groupId, { finding: String(reply[0]), userIds: users.map(String) })
      return
    }
    walk = String(reply[1])
    cursor = String(reply[2])
    users = reply[3]
  } while (walk !== 'done' || users.length > 0)
}
