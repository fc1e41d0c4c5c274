import { Command } from 'ioredis'
import type { GroupState } from '../domain/merge/merge.ts'
import { groupKey, type KeyPrefixes } from './keys.ts'

/** The patches by slot of a Cluster: a script's keys must share one. */
export function bySlot(
  prefixes: KeyPrefixes,
  patches: readonly GroupState[],
): Iterable<GroupState[]> {
  return Map.groupBy(patches, ({ groupId }) => slotOf(groupKey(prefixes, groupId))).values()
}

/** As the client itself counts it, so that both always agree. */
export function slotOf(key: string): number {
  return new Command('exists', [key]).getSlot() ?? 0
}
