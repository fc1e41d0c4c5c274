/** Describes why a group cannot be written. */
import type { StateConflict } from '../../pipeline/ports.ts'
import type { RedisConnection } from '../connection/connection.ts'
import { clockKey, groupKey, groupsKey, leftKey, membersKey, userKey } from '../keys.ts'

/** What the scripts found wrong with one group. */
export interface Conflict {
  /** `WRONGTYPE`, or which key is malformed and where. */
  readonly finding: string
  /** Users of the same patch: the key of the wrong type may be one of theirs. */
  readonly userIds: readonly string[]
}

/** group id -> its conflict */
export type Conflicts = Map<string, Conflict>

const WHAT_TO_DO = 'Rename or delete it, then send the event again.'

/**
 * Names the key that is malformed or of the wrong type, and says what to do.
 *
 * @throws what the client throws
 */
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
  const message =
    'a key of the group or of one of its users had the wrong type, but has it no more: ' +
    'send the event again.'
  return { groupId, message }
}

/** The keys that a patch of the group writes, with the type that each must have. */
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
