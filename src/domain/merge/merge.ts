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
import type { Erasure, GroupEvent } from '../event/event.ts'
import { Memberships } from './memberships.ts'
import { TraitStates } from './trait-states.ts'

/** The state of a group, or a part of it: what a batch of events says of the group. */
export interface GroupState {
  readonly groupId: string
  /** The latest clock of all, erasure and membership included, in microseconds. */
  latest: number
  /** As of when the group was last erased, in microseconds; -1: never. */
  erasedAt: number
  readonly traits: TraitStates
  readonly users: Memberships
}

export const NEVER = -1

export function emptyState(groupId: string): GroupState {
  return {
    groupId,
    latest: NEVER,
    erasedAt: NEVER,
    traits: new TraitStates(),
    users: new Memberships(),
  }
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
  state.traits.mergeEvent(event.traits, clock)
  if (event.userId !== null) state.users.merge(event.userId, clock, event.assigned)
}

/** Merges what `from` says of the group into `into`, which must be of the same group. */
export function mergeState(into: GroupState, from: GroupState): void {
  erase(into, from.erasedAt)
  if (from.latest > into.latest) into.latest = from.latest
  for (const [name, { clock, value }] of from.traits) {
    if (clock > into.erasedAt) into.traits.merge(name, clock, value)
  }
  for (const [userId, { clock, member }] of from.users) {
    if (clock > into.erasedAt) into.users.merge(userId, clock, member)
  }
}

function erase(state: GroupState, clock: number): void {
  if (clock > state.latest) state.latest = clock
  if (clock <= state.erasedAt) return
  state.erasedAt = clock
  state.traits.erase(clock)
  state.users.erase(clock)
}
