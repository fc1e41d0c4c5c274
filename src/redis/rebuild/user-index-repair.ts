/**
 * Derives the user index anew from the groups, beside the workers: first every user of every
 * group is set there as he or she stands, then what no group vouches for is taken out.
 */
import { emptyState, type GroupState } from '../../domain/merge/merge.ts'
import type { GroupStore, StateConflict } from '../../pipeline/ports.ts'
import type { RedisConnection } from '../connection/connection.ts'
import { codeOf, failureOf } from '../connection/failure.ts'
import { groupKey, groupsKey, leftKey, membersKey, userKey } from '../keys.ts'
import { idWithin, walkKeys } from '../reading/key-walk.ts'
import { runTasks } from '../task-lanes.ts'

/**
 * @returns the groups that could not be looked at
 * @throws Unavailable: to be begun anew then; the signal's reason where it was aborted
 */
export async function repairUserIndex(
  connection: RedisConnection,
  store: GroupStore,
  signal: AbortSignal,
): Promise<readonly StateConflict[]> {
  const conflicts = await setUsersOfGroups(connection, store, signal)
  await dropStrays(connection, store, signal)
  return conflicts
}

/**
 * To merge once more how a user stands changes nothing in the group, and sets the index to it,
 * whatever other workers do meanwhile.
 */
async function setUsersOfGroups(
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
    for await (const sets of walkSets(connection, start, keyOf('}'))) {
      signal.throwIfAborted()
      const states = sets.map(({ id, entries }) => stateOf(id, entries, member))
      conflicts.push(...(await store.merge(states)))
    }
  }
  return conflicts
}

async function dropStrays(
  connection: RedisConnection,
  store: GroupStore,
  signal: AbortSignal,
): Promise<void> {
  const start = `${connection.settings.userPrefix}{`
  for (const keyOf of [groupsKey, leftKey]) {
    for await (const sets of walkSets(connection, start, keyOf('}'))) {
      signal.throwIfAborted()
      const look = (userId: string, groupId: string) => () =>
        dropIfStray(connection, store, userId, groupId)
      const tasks = sets.flatMap(({ id, entries }) => entries.map(([groupId]) => look(id, groupId)))
      await runTasks(tasks, MAX_QUESTIONS)
    }
  }
}

const MAX_QUESTIONS = 100

async function dropIfStray(
  connection: RedisConnection,
  store: GroupStore,
  userId: string,
  groupId: string,
): Promise<void> {
  if ((await membershipOf(connection, groupId, userId)) !== null) return
  const key = userKey(connection.settings, userId)
  await guarded(connection, () =>
    connection.client.setUserIndex(groupsKey(key), leftKey(key), groupId, '', 'inf'),
  )
  // a worker may have merged the user in between
  const now = await membershipOf(connection, groupId, userId)
  if (now === null || now === 'unknown') return
  await store.merge([stateOf(groupId, [[userId, now.clock]], now.member)])
}

interface Membership {
  readonly clock: number
  readonly member: boolean
}

/** How the user stands in the group; unknown where a foreign key stands there. */
async function membershipOf(
  { client, settings, lastError }: RedisConnection,
  groupId: string,
  userId: string,
): Promise<Membership | 'unknown' | null> {
  const key = groupKey(settings, groupId)
  try {
    const asked = [membersKey(key), leftKey(key)].map((set) => client.zscore(set, userId))
    const [joined, left] = await Promise.all(asked)
    if (typeof joined === 'string') return { clock: Number(joined), member: true }
    return typeof left === 'string' ? { clock: Number(left), member: false } : null
  } catch (error) {
    if (error instanceof Error && codeOf(error) === 'WRONGTYPE') return 'unknown'
    throw failureOf(error, lastError)
  }
}

interface SetPage {
  /** Whose set it is. */
  readonly id: string
  readonly entries: readonly (readonly [id: string, clock: number])[]
}

/** The sorted sets whose keys are an id between these texts, in pages: some of them at a time. */
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
      const replies = await guarded(connection, () =>
        Promise.all(
          open.map(({ key, cursor }) =>
            connection.client.zscan(key, cursor, 'COUNT', PAGE_ENTRIES),
          ),
        ),
      )
      yield replies.map(([, flat], i) => ({ id: open[i]?.id ?? '', entries: pairs(flat) }))
      open = open
        .map((each, i) => ({ ...each, cursor: replies[i]?.[0] ?? '0' }))
        .filter(({ cursor }) => cursor !== '0')
    }
  }
}

const PAGE_ENTRIES = 200

function pairs(flat: readonly string[]): [id: string, clock: number][] {
  return flat.flatMap((id, i) => (i % 2 === 0 ? [[id, Number(flat[i + 1])]] : []))
}

function stateOf(groupId: string, users: SetPage['entries'], member: boolean): GroupState {
  const state = emptyState(groupId)
  for (const [userId, clock] of users) {
    if (!Number.isSafeInteger(clock) || clock < 0) continue // no clock of ours
    state.users.set(userId, { clock, member })
    state.latest = Math.max(state.latest, clock)
  }
  return state
}

async function guarded<Reply>(connection: RedisConnection, ask: () => Promise<Reply>) {
  try {
    return await ask()
  } catch (error) {
    throw failureOf(error, connection.lastError)
  }
}
