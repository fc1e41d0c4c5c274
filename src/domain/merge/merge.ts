/**
 * The merge: how events become the state of a group. Its laws:
 * 1. Trait: the later clock wins. At equal clocks the greater value wins, by UTF-8 bytes of its
 *    stored form (at equal bytes JSON over string), and a value wins over a removal.
 * 2. Membership: the later clock wins. At equal clocks "member" wins over "left".
 * 3. A removal and a leaving are remembered with their clocks, so that no older event undoes them.
 * 4. Erasure: every trait and membership with a clock at or before it is deleted, and stays so.
 * 5. Hence merging is commutative, associative and idempotent: the state depends only on the set
 *    of events, not on their order or on how often they are delivered.
 *
 * Example: `plan: "pro"` at 10:00 and `plan: null` at 11:00 give a removed plan, in either order.
 *
 * Law 1 is in trait-states.ts and `compareStored` (json/stored-value.ts), law 2 in memberships.ts.
 * The scripts in `redis/lua` are the same merge inside Redis; the same property tests run on both.
 */
import type { Erasure, GroupEvent } from '../event/event.ts'
import { Memberships } from './memberships.ts'
import { TraitStates } from './trait-states.ts'

/** The state of a group; or a patch: what some events say about the group. */
export interface GroupState {
  readonly groupId: string
  /** The latest clock of all, traits, memberships and erasure, in microseconds; NEVER if empty. */
  latest: number
  /** The time as of which the group was last erased, in microseconds, or NEVER. */
  erasedAt: number
  readonly traits: TraitStates
  readonly users: Memberships
}

/** Less than every clock. */
export const NEVER = -1

/** Returns the state of a group without any event. */
export function emptyState(groupId: string): GroupState {
  return {
    groupId,
    latest: NEVER,
    erasedAt: NEVER,
    traits: new TraitStates(),
    users: new Memberships(),
  }
}

/** Folds events into one state per group, in the order in which the groups first appear. */
export function fold(events: Iterable<GroupEvent | Erasure>): Map<string, GroupState> {
  const states = new Map<string, GroupState>()
  for (const event of events) foldInto(states, event)
  return states
}

/** Merges one event into the state of its group. A new group gets a new state in `states`. */
export function foldInto(states: Map<string, GroupState>, event: GroupEvent | Erasure): void {
  let state = states.get(event.groupId)
  if (state === undefined) {
    state = emptyState(event.groupId)
    states.set(event.groupId, state)
  }
  mergeEvent(state, event)
}

/** Merges one event into the state of its group. */
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

/** Merges the state `from` into `into`. Both must be of the same group. */
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
