/**
 * The merge: how events become the state of a group.
 *
 * For each trait the later clock wins; at equal clocks the greater value by bytes of its
 * stored form, at equal bytes JSON over string, and any value over a removal. Membership
 * likewise: the later clock wins, at equal clocks member over left. An erasure is a floor:
 * whatever is as of that time or before is gone, and stays gone.
 *
 * So merging is commutative, associative and idempotent: the state is a function of the
 * set of events. `redis/merge.lua` is the same merge inside Redis.
 */
import type { Erasure, GroupEvent } from './event.ts'
import { compareStored, type StoredValue } from './stored-value.ts'

export interface TraitState {
  /** Event time in microseconds since 1970. */
  clock: number
  /** `null`: removed as of the clock, remembered so that an older event cannot bring it back. */
  value: StoredValue | null
}

export interface Membership {
  /** Event time in microseconds since 1970. */
  clock: number
  member: boolean
}

/** The state of a group, or a part of it: what a batch of events says of the group. */
export interface GroupState {
  readonly groupId: string
  /** The latest clock of all, erasure and membership included, in microseconds. */
  latest: number
  /** As of when the group was last erased, in microseconds; -1: never. */
  erasedAt: number
  readonly traits: Map<string, TraitState>
  readonly users: Map<string, Membership>
}

export const NEVER = -1

export function emptyState(groupId: string): GroupState {
  return { groupId, latest: NEVER, erasedAt: NEVER, traits: new Map(), users: new Map() }
}

/** Folds events to one state a group, in order of first appearance. */
export function fold(events: Iterable<GroupEvent | Erasure>): Map<string, GroupState> {
  const states = new Map<string, GroupState>()
  for (const event of events) foldInto(states, event)
  return states
}

/** Merges one event into the state of its group, which is added where it is new. */
export function foldInto(states: Map<string, GroupState>, event: GroupEvent | Erasure): void {
  let state = states.get(event.groupId)
  if (state === undefined) {
    state = emptyState(event.groupId)
    states.set(event.groupId, state)
  }
  mergeEvent(state, event)
}

/** Merges one event into `state`. */
export function mergeEvent(state: GroupState, event: GroupEvent | Erasure): void {
  if (event.kind === 'erasure') {
    erase(state, event.clock)
    return
  }
  const { clock } = event
  if (clock > state.latest) state.latest = clock
  if (clock <= state.erasedAt) return
  for (const [name, value] of event.traits) mergeTrait(state.traits, name, clock, value)
  if (event.userId !== null) mergeMembership(state.users, event.userId, clock, event.assigned)
}

/** Merges what `from` says of the group into `into`, which must be of the same group. */
export function mergeState(into: GroupState, from: GroupState): void {
  erase(into, from.erasedAt)
  if (from.latest > into.latest) into.latest = from.latest
  for (const [name, { clock, value }] of from.traits) {
    if (clock > into.erasedAt) mergeTrait(into.traits, name, clock, value)
  }
  for (const [userId, { clock, member }] of from.users) {
    if (clock > into.erasedAt) mergeMembership(into.users, userId, clock, member)
  }
}

function mergeTrait(
  traits: Map<string, TraitState>,
  name: string,
  clock: number,
  value: StoredValue | null,
): void {
  const current = traits.get(name)
  if (current === undefined) {
    traits.set(name, { clock, value })
  } else if (
    clock > current.clock ||
    (clock === current.clock && compareStored(value, current.value) > 0)
  ) {
    current.clock = clock
    current.value = value
  }
}

function mergeMembership(
  users: Map<string, Membership>,
  userId: string,
  clock: number,
  member: boolean,
): void {
  const current = users.get(userId)
  if (current === undefined) {
    users.set(userId, { clock, member })
  } else if (clock > current.clock || (clock === current.clock && member)) {
    current.clock = clock
    current.member = member
  }
}

function erase(state: GroupState, clock: number): void {
  if (clock > state.latest) state.latest = clock
  if (clock <= state.erasedAt) return
  state.erasedAt = clock
  for (const [name, trait] of state.traits) if (trait.clock <= clock) state.traits.delete(name)
  for (const [userId, user] of state.users) if (user.clock <= clock) state.users.delete(userId)
}
