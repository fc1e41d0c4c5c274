/**
 * Replaces groups by their rebuilt copies. A rebuild writes the copies under a second prefix; while
 * the workers are paused, replacement.lua renames them over the old keys, group by group.
 */
import type { StateConflict } from '../../pipeline/ports.ts'
import type { RedisConnection } from '../connection/connection.ts'
import { failureOf } from '../connection/error-translation.ts'
import { clockKey, groupKey } from '../keys.ts'
import { keysOfGroup, walkGroups } from '../reading/key-walk.ts'
import { slotOf } from '../slots.ts'
import { runTasks } from '../task-lanes.ts'
import { LockLost, type RedisLock } from './redis-lock.ts'

/**
 * Returns the connection with the second prefix, without a user index. The second prefix begins
 * with the first, so a right to keys that begin with the first covers both.
 */
export function secondPrefix(connection: RedisConnection): RedisConnection {
  const groupPrefix = `${connection.settings.groupPrefix}rebuild:`
  const settings = { ...connection.settings, groupPrefix, userIndex: false }
  return Object.create(connection, { settings: { value: settings } })
}

/** How many groups were replaced or deleted, and which could not be. */
export interface ReplaceOutcome {
  placed: number
  deleted: number
  /** Groups that were left unchanged, because one of their keys has the wrong type. */
  readonly conflicts: StateConflict[]
}

/**
 * Replaces these groups by their copies under the second prefix.
 *
 * @param pause the lock that pauses the workers
 * @param absent what to do with a group that has no copy
 * @throws LockLost if the pause is over; Unavailable: unknown how many were replaced, and
 *   repeating it is safe
 */
export async function replaceGroups(
  connection: RedisConnection,
  groupIds: readonly string[],
  pause: RedisLock,
  absent: 'keep' | 'delete',
): Promise<ReplaceOutcome> {
  const { client, settings, address } = connection
  const second = secondPrefix(connection).settings
  const isCluster = address.mode === 'cluster'
  // on a Cluster the script cannot check the pause, which is in another slot: `assertHeld` does
  const pauseKey = isCluster ? '' : pause.options.key
  const outcome: ReplaceOutcome = { placed: 0, deleted: 0, conflicts: [] }

  const replace = (ids: readonly string[]) => async () => {
    pause.assertHeld()
    const keys = ids.flatMap((id) => [groupKey(settings, id), groupKey(second, id)])
    const results = await client.replaceGroups(
      keys.length,
      ...keys,
      pauseKey,
      pause.options.token,
      absent,
    )
    if (results === null) throw new LockLost('the pause of the workers is over')
    for (const [i, result] of results.entries()) {
      const groupId = ids[i] ?? ''
      if (result === 'placed') outcome.placed++
      else if (result === 'deleted') outcome.deleted++
      else if (result !== 'kept') outcome.conflicts.push({ groupId, message: result })
    }
  }
  const bySlot = Map.groupBy(groupIds, (id) => (isCluster ? slotOf(groupKey(settings, id)) : 0))
  try {
    const pages = [...bySlot.values()].flatMap((ids) => pagesOf(ids, MAX_GROUPS))
    await runTasks(pages.map(replace), MAX_CALLS_AT_ONCE)
  } catch (error) {
    throw failureOf(error, connection.lastError)
  }
  return outcome
}

/** Groups per call of the script: a call of that size holds Redis for less than 5 ms. */
const MAX_GROUPS = 50
const MAX_CALLS_AT_ONCE = 8

/**
 * Returns those of the groups that have no copy under the second prefix.
 *
 * @throws Unavailable
 */
export async function groupsWithoutReplacement(
  connection: RedisConnection,
  groupIds: readonly string[],
): Promise<string[]> {
  const second = secondPrefix(connection).settings
  const exists = (id: string) => connection.client.exists(clockKey(groupKey(second, id)))
  const absent: string[] = []
  try {
    for (const ids of pagesOf(groupIds, MAX_COMMANDS_AT_ONCE)) {
      const found = await Promise.all(ids.map(exists))
      absent.push(...ids.filter((_, i) => found[i] === 0))
    }
    return absent
  } catch (error) {
    throw failureOf(error, connection.lastError)
  }
}

const MAX_COMMANDS_AT_ONCE = 1000

/**
 * Deletes all groups under the second prefix.
 *
 * @param lock the lock of the rebuild: without it, the groups may belong to another rebuild
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
