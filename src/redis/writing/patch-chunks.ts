import { type StoredValue, textOf } from '../../domain/json/stored-value.ts'
import { emptyState, type GroupState } from '../../domain/merge/merge.ts'

/** Limits for one call of merge.lua, so that it holds Redis for a few milliseconds at most. */
export interface CallLimits {
  readonly maxPatches: number
  /** Entries of one patch: a trait counts as one, a user as `USER_WEIGHT`. */
  readonly maxPatchEntries: number
  /** Entries of all patches of a call. */
  readonly maxEntries: number
  /** Roughly. A call with a single trait may have more. */
  readonly maxBytes: number
}

/** A user costs several commands: in the group and in the index. */
export const USER_WEIGHT = 4

/** Whether the patch must be sent in chunks. */
export function isLarge({ traits, users }: GroupState, limits: CallLimits): boolean {
  if (traits.size + USER_WEIGHT * users.size > limits.maxPatchEntries) return true
  return bytesOf(traits) > limits.maxBytes
}

/** Splits the patch. Each chunk has at least one trait or user, and the latest clock of the patch. */
export function chunksOf(patch: GroupState, limits: CallLimits): GroupState[] {
  const chunks: GroupState[] = []
  let room = { entries: 0, bytes: 0 }
  const chunkFor = (entries: number, bytes: number): GroupState => {
    const last = chunks.at(-1)
    room = { entries: room.entries - entries, bytes: room.bytes - bytes }
    if (last !== undefined && room.entries >= 0 && room.bytes >= 0) return last
    room = { entries: limits.maxPatchEntries - entries, bytes: limits.maxBytes - bytes }
    const chunk = { ...emptyState(patch.groupId), latest: patch.latest }
    chunks.push(chunk)
    return chunk
  }
  for (const [name, state] of patch.traits) {
    chunkFor(1, name.length + lengthOf(state.value)).traits.set(name, state)
  }
  for (const [userId, membership] of patch.users) {
    chunkFor(USER_WEIGHT, 2 * userId.length).users.set(userId, membership)
  }
  return chunks
}

function bytesOf(traits: GroupState['traits']): number {
  let bytes = 0
  if (traits.shared !== undefined) {
    const { names, values } = traits.shared
    for (const [i, name] of names.entries()) bytes += name.length + lengthOf(values[i] ?? null)
    return bytes
  }
  for (const [name, { value }] of traits) bytes += name.length + lengthOf(value)
  return bytes
}

function lengthOf(value: StoredValue | null): number {
  return value === null ? 0 : textOf(value).length
}
