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
    const rest = restOf(patch)
    do {
      addPiece(draft, patch, rest, prefixes, limits)
      if (isFull(draft, limits)) {
        yield finish(draft)
        draft = newDraft()
      }
    } while (rest.traitCount + rest.userCount > 0)
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

/** What of a patch is not in a piece yet. */
interface Rest {
  readonly traits: Iterator<[string, TraitState]>
  readonly users: Iterator<[string, Membership]>
  traitCount: number
  userCount: number
}

function restOf({ traits, users }: GroupState): Rest {
  return {
    traits: traits.entries(),
    users: users.entries(),
    traitCount: traits.size,
    userCount: users.size,
  }
}

/** A piece while it is filled; its values go into the list of the draft at once. */
interface Filling {
  readonly clocks: string[]
  readonly removedClocks: string[]
  readonly removed: string[]
  readonly users: (string | number | boolean)[]
  readonly userIds: string[]
  earliest: number
  entries: number
  bytes: number
}

/** Adds as much of the rest as fits in one piece; at least one entry, where there is any. */
function addPiece(
  draft: Draft,
  patch: GroupState,
  rest: Rest,
  prefixes: KeyPrefixes,
  limits: CallLimits,
): void {
  const { list } = draft
  const header = list.push(patch.groupId, 0, 0, 0, 0, 0) - HEADER_LENGTH
  const piece: Filling = {
    clocks: ['', stampOf(patch.latest)],
    removedClocks: [],
    removed: [],
    users: [],
    userIds: [],
    earliest: patch.latest,
    entries: 0,
    bytes: 0,
  }
  while (rest.traitCount > 0 && hasRoom(piece, limits)) takeTrait(rest, piece, list)
  while (rest.userCount > 0 && hasRoom(piece, limits)) takeUser(rest, piece, prefixes)

  list[header + 1] = piece.earliest
  list[header + 2] = list.length - header - HEADER_LENGTH
  list[header + 3] = piece.clocks.length + piece.removedClocks.length
  list[header + 4] = piece.removed.length
  list[header + 5] = piece.users.length
  for (const part of [piece.clocks, piece.removedClocks, piece.removed, piece.users]) {
    for (const item of part) list.push(item)
  }
  draft.keys.push(groupKey(prefixes, patch.groupId))
  draft.pieces.push({ groupId: patch.groupId, userIds: piece.userIds })
  draft.entries += piece.entries
  draft.bytes += piece.bytes
}

/** Group id, earliest clock, and how many items follow of each of four kinds. */
const HEADER_LENGTH = 6

function hasRoom({ entries, bytes }: Filling, limits: CallLimits): boolean {
  return entries === 0 || (entries < limits.maxPatchEntries && bytes < limits.maxBytes)
}

function takeTrait(rest: Rest, piece: Filling, list: Draft['list']): void {
  rest.traitCount -= 1
  const next = rest.traits.next()
  if (next.done) return
  const [name, { clock, value }] = next.value
  const stamp = stampOf(clock) + formOf(value)
  if (clock < piece.earliest) piece.earliest = clock
  piece.entries += 1
  piece.bytes += 2 * name.length + stamp.length
  if (value === null) {
    piece.removed.push(name)
    piece.removedClocks.push(name, stamp)
    return
  }
  const text = textOf(value)
  piece.bytes += text.length
  piece.clocks.push(name, stamp)
  list.push(name, text)
}

function takeUser(rest: Rest, piece: Filling, prefixes: KeyPrefixes): void {
  rest.userCount -= 1
  const next = rest.users.next()
  if (next.done) return
  const [userId, { clock, member }] = next.value
  if (clock < piece.earliest) piece.earliest = clock
  piece.entries += USER_WEIGHT
  piece.bytes += 2 * userId.length
  piece.userIds.push(userId)
  piece.users.push(userId, clock, member, userKey(prefixes, userId))
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
