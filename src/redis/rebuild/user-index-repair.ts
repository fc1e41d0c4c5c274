/**
 * Repairs the user index from the groups, while the workers go on. It is derived data, so two
 * walks are enough:
 *
 *   1. through the members of all groups: each is merged into its group once more. That changes
 *      nothing in the group, but a merge always sets the index to what the group has, whatever
 *      other workers do meanwhile.
 *   2. through the index: an entry is dropped if its group has no such user.
 */
import type { Membership } from '../../domain/merge/memberships.ts'
import { emptyState, type GroupState } from '../../domain/merge/merge.ts'
import type { GroupStore, StateConflict } from '../../pipeline/ports.ts'
import { ask } from '../connection/ask.ts'
import type { RedisConnection } from '../connection/connection.ts'
import { groupsKey, leftKey, membersKey, userKey } from '../keys.ts'
import { idWithin, walkKeys } from '../reading/key-walk.ts'
import { pairsOf, parseClock, type StoredMembership } from '../reading/layout.ts'
import { inGroup, readMemberships } from '../reading/memberships.ts'
import { runTasks } from '../task-lanes.ts'

/**
 * @returns the groups that could not be written, so that their users were not repaired
 * @throws Unavailable: to be repeated from the start; NotRetriable; the signal's reason
 */
export async function repairUserIndex(
  connection: RedisConnection,
  store: GroupStore,
  signal: AbortSignal,
): Promise<readonly StateConflict[]> {
  const conflicts = await mergeUsersAgain(connection, store, signal)
  await dropStrays(connection, store, signal)
  return conflicts
}

async function mergeUsersAgain(
  connection: RedisConnection,
  store: GroupStore,
  signal: AbortSignal,
): Promise<StateConflict[]> {
  const conflicts: StateConflict[] = []
  const start = `${connection.settings.groupPrefix}{`
  for (const [keyOf, member] of [
    [membersKey, true],
    [leftKey, false],
  ] as const) {
    for await (const pages of walkSets(connection, start, keyOf('}'))) {
      signal.throwIfAborted()
      const patches = pages.map(({ id, entries }) => patchOf(id, memberships(entries, member)))
      conflicts.push(...(await store.merge(patches)))
    }
  }
  return conflicts
}

/** Scores that another program wrote, and that are no clock, are left out. */
function* memberships(
  entries: SetPage['entries'],
  member: boolean,
): Generator<[userId: string, membership: Membership]> {
  for (const [userId, score] of entries) {
    const clock = parseClock(score)
    if (clock !== null) yield [userId, { clock, member }]
  }
}

async function dropStrays(
  connection: RedisConnection,
  store: GroupStore,
  signal: AbortSignal,
): Promise<void> {
  const start = `${connection.settings.userPrefix}{`
  for (const keyOf of [groupsKey, leftKey]) {
    for await (const pages of walkSets(connection, start, keyOf('}'))) {
      signal.throwIfAborted()
      const tasks = pages.flatMap(({ id: userId, entries }) =>
        entries.map(
          ([groupId]) =>
            () =>
              dropIfStray(connection, store, userId, groupId),
        ),
      )
      await runTasks(tasks, MAX_ENTRIES_AT_ONCE)
    }
  }
}

const MAX_ENTRIES_AT_ONCE = 100

async function dropIfStray(
  connection: RedisConnection,
  store: GroupStore,
  userId: string,
  groupId: string,
): Promise<void> {
  if ((await readMembership(connection, groupId, userId)) !== null) return
  const key = userKey(connection.settings, userId)
  await ask(connection, () =>
    connection.client.setUserIndex(groupsKey(key), leftKey(key), groupId, '', 'inf'),
  )
  // a worker may have merged the user in between: then its entry was dropped by mistake
  const membership = await readMembership(connection, groupId, userId)
  if (membership === null || typeof membership === 'string') return
  await store.merge([patchOf(groupId, [[userId, membership]])])
}

async function readMembership(
  connection: RedisConnection,
  groupId: string,
  userId: string,
): Promise<StoredMembership> {
  const query = inGroup(connection.settings, groupId, userId)
  const [membership = null] = await ask(connection, () => readMemberships(connection, [query]))
  return membership
}

function patchOf(
  groupId: string,
  users: Iterable<readonly [userId: string, membership: Membership]>,
): GroupState {
  const patch = emptyState(groupId)
  for (const [userId, membership] of users) {
    patch.users.set(userId, membership)
    patch.latest = Math.max(patch.latest, membership.clock)
  }
  return patch
}

/** Some entries of one sorted set. */
interface SetPage {
  /** The id in the key of the set. */
  readonly id: string
  readonly entries: readonly (readonly [id: string, score: string])[]
}

/** Walks through the sorted sets whose keys are an id between these texts, many at a time. */
async function* walkSets(
  connection: RedisConnection,
  start: string,
  end: string,
): AsyncGenerator<SetPage[]> {
  for await (const keys of walkKeys(connection, start, end, { type: 'zset' })) {
    let open = keys.flatMap((key) => {
      const id = idWithin(key, start, end)
      return id === null ? [] : [{ key, id, cursor: '0' }]
    })
    while (open.length > 0) {
      const replies = await ask(connection, () =>
        Promise.all(
          open.map(({ key, cursor }) =>
            connection.client.zscan(key, cursor, 'COUNT', PAGE_ENTRIES),
          ),
        ),
      )
      yield replies.map(([, flat], i) => ({ id: open[i]?.id ?? '', entries: pairsOf(flat) }))
      open = open
        .map((each, i) => ({ ...each, cursor: replies[i]?.[0] ?? '0' }))
        .filter(({ cursor }) => cursor !== '0')
    }
  }
}

const PAGE_ENTRIES = 200
