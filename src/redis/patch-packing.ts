/**
 * Packs patches for merge.lua: as many groups as fit in one call, a large patch in several
 * pieces. The merge is commutative, so pieces may be merged in any order, one by one.
 */
import { Packr } from 'msgpackr'
import type { GroupState, Membership, TraitState } from '../domain/merge.ts'
import { formOf, textOf } from '../domain/stored-value.ts'
import { groupKey, type KeyPrefixes, userKey } from './keys.ts'

/** What keeps one call from holding Redis for longer than some milliseconds. */
export interface CallLimits {
  readonly maxPatches: number
  /** Of one patch, and of all patches of a call: traits, and users at `USER_WEIGHT` each. */
  readonly maxPatchEntries: number
  readonly maxEntries: number
  /** About that many bytes; a call with one trait may be larger. */
  readonly maxBytes: number
}

/** One call of merge.lua. */
export interface MergeCall {
  /** The group, and the users whose standing is asked, of each piece. */
  readonly pieces: readonly Piece[]
  /** One `group:{ID}` a piece. */
  readonly keys: readonly string[]
  readonly packed: Buffer
}

interface Piece {
  readonly groupId: string
  readonly userIds: readonly string[]
}

/** A user costs several commands: in the group and in the index. */
export const USER_WEIGHT = 4

/** A patch that says nothing, not even a clock, is left out. */
export function* packCalls(
  patches: Iterable<GroupState>,
  prefixes: KeyPrefixes,
  limits: CallLimits,
): Generator<MergeCall> {
  let draft = newDraft()
  for (const patch of patches) {
    if (patch.latest < 0) continue
    const traits = patch.traits.entries()
    const users = patch.users.entries()
    let rest = patch.traits.size + patch.users.size
    do {
      rest -= addPiece(draft, patch, traits, users, rest, prefixes, limits)
      if (isFull(draft, limits)) {
        yield finish(draft)
        draft = newDraft()
      }
    } while (rest > 0)
  }
  if (draft.keys.length > 0) yield finish(draft)
}

interface Draft {
  readonly pieces: Piece[]
  readonly keys: string[]
  /** As merge.lua reads it. */
  readonly list: (string | number | boolean)[]
  entries: number
  bytes: number
}

function newDraft(): Draft {
  return { pieces: [], keys: [], list: [], entries: 0, bytes: 0 }
}

function isFull({ keys, entries, bytes }: Draft, limits: CallLimits): boolean {
  return (
    keys.length >= limits.maxPatches || entries >= limits.maxEntries || bytes >= limits.maxBytes
  )
}

function finish({ pieces, keys, list }: Draft): MergeCall {
  return { pieces, keys, packed: packr.pack(list) }
}

const packr = new Packr({ useRecords: false })

/** Adds as much of the patch as fits in one piece; returns how many traits and users that was. */
function addPiece(
  draft: Draft,
  patch: GroupState,
  traits: Iterator<[string, TraitState]>,
  users: Iterator<[string, Membership]>,
  rest: number,
  prefixes: KeyPrefixes,
  limits: CallLimits,
): number {
  const { list } = draft
  const start = list.length
  list.push(patch.groupId, 0, 0, 0, 0, 0)
  const latest = stampOf(patch.latest)
  const clocks = ['', latest]
  const removedClocks: string[] = []
  const removed: string[] = []
  const people: (string | number | boolean)[] = []
  const userIds: string[] = []
  let earliest = patch.latest
  let weight = 0
  let bytes = 0
  let taken = 0

  while (
    taken < rest &&
    (taken === 0 || (weight < limits.maxPatchEntries && bytes < limits.maxBytes))
  ) {
    taken += 1
    const trait = traits.next()
    if (!trait.done) {
      const [name, { clock, value }] = trait.value
      const stamp = stampOf(clock) + formOf(value)
      if (clock < earliest) earliest = clock
      weight += 1
      bytes += 2 * name.length + 24
      if (value === null) {
        removed.push(name)
        removedClocks.push(name, stamp)
      } else {
        const text = textOf(value)
        bytes += text.length
        list.push(name, text)
        clocks.push(name, stamp)
      }
      continue
    }
    const user = users.next()
    if (user.done) break
    const [userId, { clock, member }] = user.value
    if (clock < earliest) earliest = clock
    weight += USER_WEIGHT
    bytes += 2 * userId.length + 24
    userIds.push(userId)
    people.push(userId, clock, member, userKey(prefixes, userId))
  }

  list[start + 1] = earliest
  list[start + 2] = list.length - start - 6
  list[start + 3] = clocks.length + removedClocks.length
  list[start + 4] = removed.length
  list[start + 5] = people.length
  for (const part of [clocks, removedClocks, removed, people]) {
    for (const item of part) list.push(item)
  }
  draft.keys.push(groupKey(prefixes, patch.groupId))
  draft.pieces.push({ groupId: patch.groupId, userIds })
  draft.entries += weight
  draft.bytes += bytes
  return taken
}

let lastClock = -1
let lastStamp = ''

/** 16 digits. The traits of an event share their clock: the last one is remembered. */
export function stampOf(clock: number): string {
  if (clock !== lastClock) {
    lastClock = clock
    lastStamp = String(clock).padStart(16, '0')
  }
  return lastStamp
}
