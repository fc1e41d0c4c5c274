/** Compares the state of a group with events by the definition of the merge, without merging. */
import { compareStored, type StoredValue } from '../../src/domain/json/stored-value.ts'
import type { Membership } from '../../src/domain/merge/memberships.ts'
import type { GroupState } from '../../src/domain/merge/merge.ts'
import type { TraitState } from '../../src/domain/merge/trait-states.ts'
import type { Event } from './records.ts'

/** Whether the state already includes the event: merging it again would change nothing. */
export function includesEvent(state: GroupState | undefined, event: Event): boolean {
  if (state === undefined || state.latest < event.clock) return false
  if (state.erasedAt >= event.clock) return true
  if (event.kind === 'erasure') return false
  const { clock, traits, userId, assigned } = event
  if (userId !== null && !includesMembership(state.users.get(userId), clock, assigned)) return false
  return [...traits].every(([name, value]) => includesTrait(state.traits.get(name), clock, value))
}

function includesTrait(
  held: TraitState | undefined,
  clock: number,
  value: StoredValue | null,
): boolean {
  if (held === undefined || held.clock !== clock) return held !== undefined && held.clock > clock
  return compareStored(held.value, value) >= 0
}

function includesMembership(held: Membership | undefined, clock: number, member: boolean): boolean {
  if (held === undefined || held.clock !== clock) return held !== undefined && held.clock > clock
  return held.member || !member
}

/** Names something in the state that comes from none of the events; undefined if there is nothing. */
export function findUnexplained(state: GroupState, events: readonly Event[]): string | undefined {
  const { latest, erasedAt, traits, users } = state
  if (!events.some(({ clock }) => clock === latest)) return `the latest clock ${latest}`
  if (
    erasedAt >= 0 &&
    !events.some(({ kind, clock }) => kind === 'erasure' && clock === erasedAt)
  ) {
    return `the erasure time ${erasedAt}`
  }
  for (const [name, held] of traits) {
    const isOf = (event: Event) =>
      event.kind === 'group' &&
      event.clock === held.clock &&
      event.traits.names.includes(name) &&
      compareStored(event.traits.get(name) ?? null, held.value) === 0
    if (held.clock <= erasedAt || !events.some(isOf)) return `the trait ${name}`
  }
  for (const [userId, { clock, member }] of users) {
    const isOf = (event: Event) =>
      event.kind === 'group' &&
      event.clock === clock &&
      event.userId === userId &&
      event.assigned === member
    if (clock <= erasedAt || !events.some(isOf)) return `the user ${userId}`
  }
  return undefined
}
