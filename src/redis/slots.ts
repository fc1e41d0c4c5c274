import { Command } from 'ioredis'
import type { GroupState } from '../domain/merge/merge.ts'
import { groupKey, type KeyPrefixes } from './keys.ts'

/** Groups the patches by their slot of a Cluster: all keys of a script must be in one. */
export function bySlot(
  prefixes: KeyPrefixes,
  patches: readonly GroupState[],
): Iterable<GroupState[]> {
  return Map.groupBy(patches, ({ groupId }) => slotOf(groupKey(prefixes, groupId))).values()
}

/** Returns the slot of a key, as the client computes it, so that both always agree. */
export function slotOf(key: string): number {
  return new Command('exists', [key]).getSlot() ?? 0
}
