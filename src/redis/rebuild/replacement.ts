/**
 * Puts groups that were folded anew, under a second prefix, in the place of those that stand:
 * replacement.lua, while the workers are paused.
 */
import type { StateConflict } from '../../pipeline/ports.ts'
import type { RedisConnection } from '../connection/connection.ts'
import { failureOf } from '../connection/failure.ts'
import { clockKey, groupKey } from '../keys.ts'
import { keysOfGroup, walkGroups } from '../reading/key-walk.ts'
import { slotOf } from '../slots.ts'
import { runTasks } from '../task-lanes.ts'
import { LockLost, type RedisLock } from './redis-lock.ts'

/**
 * The same Redis with the groups of a second prefix, which begins like the first: so a right
 * to keys that begin with the first covers them. The user index is not kept there.
 */
export function secondPrefix(connection: RedisConnection): RedisConnection {
  const groupPrefix = `${connection.settings.groupPrefix}rebuild:`
  const settings = { ...connection.settings, groupPrefix, userIndex: false }
  return Object.create(connection, { settings: { value: settings } })
}

/** What became of the groups. */
export interface Replaced {
  placed: number
  deleted: number
  /** Groups at whose keys stands what is not a group: nothing was done to them. */
  readonly conflicts: StateConflict[]
}

/**
 * @param pause the pause of the workers
 * @param absent what to do with a group of which nothing stands under the second prefix
 * @throws LockLost where the pause is over; Unavailable: unknown how many were put in place,
 *   and to do it again is safe
 */
export async function replaceGroups(
  connection: RedisConnection,
  groupIds: readonly string[],
  pause: RedisLock,
  absent: 'keep' | 'delete',
): Promise<Replaced> {
  const { client, settings, address } = connection
  const second = secondPrefix(connection).settings
  const isCluster = address.mode === 'cluster'
  const gate = isCluster ? '' : pause.terms.key
  const replaced: Replaced = { placed: 0, deleted: 0, conflicts: [] }

  const replace = (ids: readonly string[]) => async () => {
    pause.assertHeld()
    const keys = ids.flatMap((id) => [groupKey(settings, id), groupKey(second, id)])
    const outcomes = await client.replaceGroups(
      keys.length,
      ...keys,
      gate,
      pause.terms.token,
      absent,
    )
    if (outcomes === null) throw new LockLost('the pause of the workers is over')
    for (const [i, outcome] of outcomes.entries()) {
      const groupId = ids[i] ?? ''
      if (outcome === 'placed') replaced.placed++
      else if (outcome === 'deleted') replaced.deleted++
      else if (outcome !== 'kept') replaced.conflicts.push({ groupId, message: outcome })
    }
  }
  const bySlot = Map.groupBy(groupIds, (id) => (isCluster ? slotOf(groupKey(settings, id)) : 0))
  try {
    const pages = [...bySlot.values()].flatMap((ids) => pagesOf(ids, MAX_GROUPS))
    await runTasks(pages.map(replace), MAX_CALLS)
  } catch (error) {
    throw failureOf(error, connection.lastError)
  }
  return replaced
}

/** No script holds Redis for longer than 5 ms with so many groups. */
const MAX_GROUPS = 50
const MAX_CALLS = 8

/**
 * Those of the groups of which nothing stands under the second prefix.
 *
 * @throws Unavailable
 */
export async function withoutReplacement(
  connection: RedisConnection,
  groupIds: readonly string[],
): Promise<string[]> {
  const second = secondPrefix(connection).settings
  const exists = (id: string) => connection.client.exists(clockKey(groupKey(second, id)))
  const without: string[] = []
  try {
    for (const ids of pagesOf(groupIds, MAX_QUESTIONS)) {
      const found = await Promise.all(ids.map(exists))
      without.push(...ids.filter((_, i) => found[i] === 0))
    }
    return without
  } catch (error) {
    throw failureOf(error, connection.lastError)
  }
}

const MAX_QUESTIONS = 1000

/**
 * Deletes all groups of the second prefix.
 *
 * @param lock of the rebuild: where it is lost, they may be those of another one
 * @throws LockLost; Unavailable
 */
export async function clearSecondPrefix(
  connection: RedisConnection,
  lock: RedisLock,
): Promise<void> {
  const second = secondPrefix(connection)
  for await (const ids of walkGroups(second)) {
    await lock.confirm()
    const keys = ids.flatMap((id) => keysOfGroup(groupKey(second.settings, id)))
    try {
      await Promise.all(keys.map((key) => connection.client.unlink(key)))
    } catch (error) {
      throw failureOf(error, connection.lastError)
    }
  }
}

function pagesOf<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, page) =>
    items.slice(page * size, (page + 1) * size),
  )
}
