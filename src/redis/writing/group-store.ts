/** Writes the state of groups to Redis: merge.lua merges patches, erase.lua erases groups. */
import type { GroupState } from '../../domain/merge/merge.ts'
import type { GroupStore } from '../../pipeline/ports.ts'
import { ask } from '../connection/ask.ts'
import type { RedisConnection } from '../connection/connection.ts'
import { userKeyStart } from '../keys.ts'
import { type Conflicts, describeConflict } from '../reading/conflict.ts'
import { bySlot } from '../slots.ts'
import { runTasks } from '../task-lanes.ts'
import { eraseGroup, type IndexPlace, type PageLimits } from './erasure.ts'
import type { CallLimits } from './patch-chunks.ts'
import { type MergeCall, packCalls } from './patch-packing.ts'
import { mergeWithIndexOutside } from './user-index.ts'

export interface StoreLimits extends CallLimits, PageLimits {
  /** How many calls are in flight at once. */
  readonly maxCalls: number
}

/** With these limits no script holds Redis for longer than 5 ms. */
export const STORE_LIMITS: StoreLimits = {
  maxPatches: 100,
  maxPatchEntries: 1000,
  maxEntries: 1200,
  maxBytes: 256 * 1024,
  maxFields: 500,
  maxUsers: 200,
  maxCalls: 16,
}

export function openGroupStore(
  connection: RedisConnection,
  limits: StoreLimits = STORE_LIMITS,
): GroupStore {
  const index = placeOfIndex(connection)
  return {
    get connection() {
      return connection.count
    },
    merge: (patches) =>
      ask(connection, async () => {
        const conflicts: Conflicts = new Map()
        await runTasks(erasures(connection, patches, index, limits, conflicts), limits.maxCalls)
        const rest = patches.filter(({ groupId }) => !conflicts.has(groupId))
        await runTasks(merges(connection, rest, index, limits, conflicts), limits.maxCalls)
        return await Promise.all(
          Array.from(conflicts, ([groupId, found]) => describeConflict(connection, groupId, found)),
        )
      }),
  }
}

/** On a Cluster the keys of users are in other slots than those of their groups. */
function placeOfIndex({ settings, address }: RedisConnection): IndexPlace {
  if (!settings.userIndex) return 'none'
  return address.mode === 'cluster' ? 'outside' : 'inside'
}

type Tasks = Iterable<() => Promise<void>>

function* erasures(
  connection: RedisConnection,
  patches: readonly GroupState[],
  index: IndexPlace,
  limits: StoreLimits,
  conflicts: Conflicts,
): Tasks {
  for (const patch of patches) {
    if (patch.erasedAt < 0) continue
    yield () => eraseGroup(connection, patch, index, limits, conflicts)
  }
}

function* merges(
  connection: RedisConnection,
  patches: readonly GroupState[],
  index: IndexPlace,
  limits: StoreLimits,
  conflicts: Conflicts,
): Tasks {
  const { address, settings } = connection
  const batches = address.mode === 'cluster' ? bySlot(settings, patches) : [patches]
  for (const batch of batches) {
    for (const call of packCalls(batch, settings, limits)) {
      const merge = () => mergeCall(connection, call, index, conflicts)
      if (index === 'outside') {
        yield () => mergeWithIndexOutside(connection, call, merge, conflicts)
      } else {
        yield async () => {
          await merge()
        }
      }
    }
  }
}

/** Returns the memberships of the users, if merge.lua answers them. */
async function mergeCall(
  { client, settings }: RedisConnection,
  { keys, packed, chunks }: MergeCall,
  index: IndexPlace,
  conflicts: Conflicts,
): Promise<readonly (readonly string[])[]> {
  const [failed, memberships] = await client.mergeGroups(
    keys.length,
    ...keys,
    packed,
    index,
    userKeyStart(settings),
  )
  for (let i = 0; i < failed.length; i += 2) {
    const chunk = chunks[Number(failed[i])]
    if (chunk === undefined) continue
    const userIds = [...chunk.users.keys()]
    conflicts.set(chunk.groupId, { finding: String(failed[i + 1]), userIds })
  }
  return memberships
}
