/**
 * Reads whole states of groups, to the last member, by commands that only read. Large ones come
 * in pages, so that nothing holds Redis for long; what changes in between is then seen as of
 * before or after, each trait and each user by itself.
 */
import type { GroupState } from '../../domain/merge/merge.ts'
import type { RedisConnection } from '../connection/connection.ts'
import { codeOf } from '../connection/failure.ts'
import { startFailureOf } from '../connection/server-check.ts'
import { clockKey, groupKey, leftKey, membersKey } from '../keys.ts'
import { describeConflict } from './conflict.ts'
import { parseGroup } from './group-parsing.ts'
import { FOREIGN, inIndex, readMemberships, type StoredMembership } from './memberships.ts'
import { type PageSizes, readHashes, readScores } from './pages.ts'

/** A group as it stands in Redis. */
export interface StoredGroup {
  /** Whether any of its keys is there. */
  readonly exists: boolean
  /** All of it that stands there as this program writes it. */
  readonly state: GroupState
  /** Trait → how it stands there otherwise; it is not in the state then. */
  readonly oddTraits: ReadonlyMap<string, string>
  /** User id → likewise. */
  readonly oddUsers: ReadonlyMap<string, string>
  /** User id → how the user index has it; null where that is not kept. */
  readonly index: ReadonlyMap<string, StoredMembership> | null
  /** What keeps the group from being written, and what to do; null where nothing does. */
  readonly conflict: string | null
}

/** Pages that hold Redis for a millisecond or so. */
const PAGE_SIZES: PageSizes = { fields: 200, users: 500 }

/**
 * @param expectedUsers who is to be looked up in the user index, beside those of the group
 * @throws Unavailable, NotRetriable
 */
export async function readStoredGroup(
  connection: RedisConnection,
  groupId: string,
  expectedUsers: Iterable<string>,
  sizes: PageSizes = PAGE_SIZES,
): Promise<StoredGroup> {
  return await asking(connection, async () => {
    try {
      return await read(connection, groupId, expectedUsers, sizes)
    } catch (error) {
      if (!(error instanceof Error) || codeOf(error) !== 'WRONGTYPE') throw error
      return await conflicting(connection, groupId, 'WRONGTYPE', [])
    }
  })
}

/** Asks Redis once it is there, and tells in our words what came in between. */
export async function asking<Answer>(
  connection: RedisConnection,
  ask: () => Promise<Answer>,
): Promise<Answer> {
  await connection.opened
  try {
    return await ask()
  } catch (error) {
    throw startFailureOf(connection, connection.ready ? error : (connection.lastError ?? error))
  }
}

async function read(
  connection: RedisConnection,
  groupId: string,
  expectedUsers: Iterable<string>,
  sizes: PageSizes,
): Promise<StoredGroup> {
  const { client, settings } = connection
  const key = groupKey(settings, groupId)
  const [[values, stamps], [members, left]] = await Promise.all([
    readHashes(client, [key, clockKey(key)], sizes.fields),
    readScores(client, [membersKey(key), leftKey(key)], sizes.users),
  ])
  const { malformed, ...parsed } = parseGroup({ groupId, values, stamps, members, left })
  if (malformed !== null) {
    const finding = `${clockKey(key)} is malformed at the field "${malformed}"`
    return await conflicting(connection, groupId, finding, [])
  }
  if (!settings.userIndex) return { ...parsed, index: null, conflict: null }

  const users = [...new Set([...members.keys(), ...left.keys(), ...expectedUsers])]
  const questions = users.map((userId) => inIndex(settings, groupId, userId))
  const memberships = await readMemberships(connection, questions)
  const foreign = users.filter((_, i) => memberships[i] === FOREIGN)
  if (foreign.length > 0) return await conflicting(connection, groupId, 'WRONGTYPE', foreign)
  const index = new Map(users.map((userId, i) => [userId, memberships[i] ?? null]))
  return { ...parsed, index, conflict: null }
}

async function conflicting(
  connection: RedisConnection,
  groupId: string,
  finding: string,
  userIds: readonly string[],
): Promise<StoredGroup> {
  const nothing = new Map<string, never>()
  const empty = { values: nothing, stamps: nothing, members: nothing, left: nothing }
  const { malformed: _, ...parsed } = parseGroup({ groupId, ...empty })
  const { message } = await describeConflict(connection, groupId, { finding, userIds })
  return { ...parsed, exists: true, index: null, conflict: message }
}
