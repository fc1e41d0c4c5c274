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

/** A piece while it is filled; values and users go into the list of the draft at once. */
interface Filling {
  /** Which of the values are JSON, counted from 1. */
  readonly json: number[]
  readonly removed: string[]
  readonly userIds: string[]
  values: number
  earliest: number
  /** Of all traits so far; -1: none yet; NaN: they differ. */
  sharedClock: number
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
  const latest = stampOf(patch.latest)
  const header = list.push(patch.groupId, 0, latest, false, 0, 0, 0, 0, 0) - HEADER_LENGTH
  const piece: Filling = {
    json: [],
    removed: [],
    userIds: [],
    values: 0,
    earliest: patch.latest,
    sharedClock: -1,
    entries: 0,
    bytes: 0,
  }
  while (rest.traitCount > 0 && hasRoom(piece, limits)) takeTrait(rest, piece, list)
  for (const place of piece.json) list.push(place)
  for (const name of piece.removed) list.push(name)
  const clocks = list.length
  if (Number.isNaN(piece.sharedClock)) addClocks(list, patch, header + HEADER_LENGTH, piece)
  const users = list.length
  while (rest.userCount > 0 && hasRoom(piece, limits)) takeUser(rest, piece, prefixes, list)

  list[header + 1] = piece.earliest
  list[header + 3] = piece.sharedClock >= 0 && stampOf(piece.sharedClock)
  list[header + 4] = 2 * piece.values
  list[header + 5] = piece.json.length
  list[header + 6] = piece.removed.length
  list[header + 7] = users - clocks
  list[header + 8] = list.length - users
  draft.keys.push(groupKey(prefixes, patch.groupId))
  draft.pieces.push({ groupId: patch.groupId, userIds: piece.userIds })
  draft.entries += piece.entries
  draft.bytes += piece.bytes
}

/** Group id, three clocks, and how many items follow of each of five kinds. */
const HEADER_LENGTH = 9

function hasRoom({ entries, bytes }: Filling, limits: CallLimits): boolean {
  return entries === 0 || (entries < limits.maxPatchEntries && bytes < limits.maxBytes)
}

function takeTrait(rest: Rest, piece: Filling, list: Draft['list']): void {
  rest.traitCount -= 1
  const next = rest.traits.next()
  if (next.done) return
  const [name, { clock, value }] = next.value
  if (piece.sharedClock === -1) piece.sharedClock = clock
  else if (clock !== piece.sharedClock) piece.sharedClock = Number.NaN
  if (clock < piece.earliest) piece.earliest = clock
  piece.entries += 1
  piece.bytes += 2 * name.length + STAMP_LENGTH
  if (value === null) {
    piece.removed.push(name)
    return
  }
  const text = textOf(value)
  piece.values += 1
  piece.bytes += text.length
  if (formOf(value) === 'j') piece.json.push(piece.values)
  list.push(name, text)
}

/** Adds the clock of each value, then of what is removed. */
function addClocks(
  list: Draft['list'],
  { traits }: GroupState,
  valuesAt: number,
  { values, removed }: Filling,
): void {
  const addClock = (name: string) => list.push(stampOf(traits.get(name)?.clock ?? 0))
  for (let value = 0; value < values; value++) addClock(String(list[valuesAt + 2 * value]))
  removed.forEach(addClock)
}

function takeUser(rest: Rest, piece: Filling, prefixes: KeyPrefixes, list: Draft['list']): void {
  rest.userCount -= 1
  const next = rest.users.next()
  if (next.done) return
  const [userId, { clock, member }] = next.value
  if (clock < piece.earliest) piece.earliest = clock
  piece.entries += USER_WEIGHT
  piece.bytes += 2 * userId.length
  piece.userIds.push(userId)
  list.push(userId, stampOf(clock), member, userKey(prefixes, userId))
}

const STAMP_LENGTH = 16

let lastClock = -1
let lastStamp = ''

/** 16 digits. The traits of an event share their clock: the last one is remembered. */
export function stampOf(clock: number): string {
  if (clock !== lastClock) {
    lastClock = clock
    lastStamp = String(clock).padStart(STAMP_LENGTH, '0')
  }
  return lastStamp
}
