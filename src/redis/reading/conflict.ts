/** Says what it is that keeps a group from being written. */
import type { StateConflict } from '../../pipeline/ports.ts'
import type { RedisConnection } from '../connection/connection.ts'
import { clockKey, groupKey, groupsKey, leftKey, membersKey, userKey } from '../keys.ts'

/** What the scripts found of one group. */
export interface Conflict {
  /** `WRONGTYPE`, or what is malformed and where. */
  readonly finding: string
  /** Users of the same patch: the key that is in the way may be one of theirs. */
  readonly userIds: readonly string[]
}

/** group id -> its conflict */
export type Conflicts = Map<string, Conflict>

const WHAT_TO_DO = 'Rename or delete it, then send the event again.'

/** @throws what the client throws */
export async function describeConflict(
  connection: RedisConnection,
  groupId: string,
  { finding, userIds }: Conflict,
): Promise<StateConflict> {
  if (finding !== 'WRONGTYPE') return { groupId, message: `${finding}. ${WHAT_TO_DO}` }
  for (const [key, wanted] of keysOf(connection, groupId, userIds)) {
    const type = await connection.client.type(key)
    if (type !== 'none' && type !== wanted) {
      return { groupId, message: `the key ${key} is a ${type}, not a ${wanted}. ${WHAT_TO_DO}` }
    }
  }
  return { groupId, message: 'a key of the group or of a user was of a foreign type' }
}

function* keysOf(
  { settings }: RedisConnection,
  groupId: string,
  userIds: readonly string[],
): Generator<[key: string, type: string]> {
  const group = groupKey(settings, groupId)
  yield [group, 'hash']
  yield [clockKey(group), 'hash']
  yield [membersKey(group), 'zset']
  yield [leftKey(group), 'zset']
  if (!settings.userIndex) return
  for (const userId of userIds) {
    const user = userKey(settings, userId)
    yield [groupsKey(user), 'zset']
    yield [leftKey(user), 'zset']
  }
}
