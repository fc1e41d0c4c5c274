/**
 * Reads whole groups, to the last member, with commands that only read: for `verify`. Large keys
 * are read in pages, so that no command holds Redis for long. A change between two pages is seen
 * as of before or after it, for each trait and each user by itself.
 */

import { askAtStart } from '../connection/ask.ts'
import type { RedisConnection } from '../connection/connection.ts'
import { codeOf } from '../connection/error-translation.ts'
import { clockKey, groupKey, leftKey, membersKey } from '../keys.ts'
import { describeConflict } from './conflict.ts'
import { type ParsedGroup, parseGroup } from './group-parsing.ts'
import type { StoredMembership } from './layout.ts'
import { inIndex, readMemberships, WRONG_TYPE } from './memberships.ts'
import { type PageSizes, readHashes, readScores } from './pages.ts'

/** A group as Redis holds it. */
export interface StoredGroup extends Omit<ParsedGroup, 'malformed'> {
  /** User id → the membership as the user index has it; null if no index is kept. */
  readonly index: ReadonlyMap<string, StoredMembership> | null
  /** Why no worker can write the group, and what to do; null if they can. */
  readonly conflict: string | null
}

/** Pages that hold Redis for a millisecond or so. */
const PAGE_SIZES: PageSizes = { fields: 200, users: 500 }

/**
 * @param expectedUsers users to look up in the user index, beside those of the group
 * @throws Unavailable, NotRetriable
 */
export async function readStoredGroup(
  connection: RedisConnection,
  groupId: string,
  expectedUsers: Iterable<string>,
  sizes: PageSizes = PAGE_SIZES,
): Promise<StoredGroup> {
  return await askAtStart(connection, async () => {
    try {
      return await read(connection, groupId, expectedUsers, sizes)
    } catch (error) {
      if (!(error instanceof Error) || codeOf(error) !== 'WRONGTYPE') throw error
      return await conflictingGroup(connection, groupId, 'WRONGTYPE', [])
    }
  })
}

async function read(
  connection: RedisConnection,
  groupId: string,
  expectedUsers: Iterable<string>,
  sizes: PageSizes,
): Promise<StoredGroup> {
  const { client, settings } = connection
  const key = groupKey(settings, groupId)
  const [[values, clockFields], [members, left]] = await Promise.all([
    readHashes(client, [key, clockKey(key)], sizes.fields),
    readScores(client, [membersKey(key), leftKey(key)], sizes.users),
  ])
  const { malformed, ...parsed } = parseGroup({ groupId, values, clockFields, members, left })
  if (malformed !== null) {
    const finding = `${clockKey(key)} is malformed at the field "${malformed}"`
    return await conflictingGroup(connection, groupId, finding, [])
  }
  if (!settings.userIndex) return { ...parsed, index: null, conflict: null }

  const users = [...new Set([...members.keys(), ...left.keys(), ...expectedUsers])]
  const queries = users.map((userId) => inIndex(settings, groupId, userId))
  const memberships = await readMemberships(connection, queries)
  const unreadable = users.filter((_, i) => memberships[i] === WRONG_TYPE)
  if (unreadable.length > 0) {
    return await conflictingGroup(connection, groupId, 'WRONGTYPE', unreadable)
  }
  const index = new Map(users.map((userId, i) => [userId, memberships[i] ?? null]))
  return { ...parsed, index, conflict: null }
}

/** A group that exists, but of which nothing can be said except what is wrong with it. */
async function conflictingGroup(
  connection: RedisConnection,
  groupId: string,
  finding: string,
  userIds: readonly string[],
): Promise<StoredGroup> {
  const nothing = new Map<string, never>()
  const empty = { values: nothing, clockFields: nothing, members: nothing, left: nothing }
  const { malformed: _, ...parsed } = parseGroup({ groupId, ...empty })
  const { message } = await describeConflict(connection, groupId, { finding, userIds })
  return { ...parsed, exists: true, index: null, conflict: message }
}
