/**
 * Computes the merged state by its definition: all events are compared with each other, and none is
 * merged into a state.
 */

import type { StoredValue } from '../../../src/domain/json/stored-value.ts'
import { Memberships } from '../../../src/domain/merge/memberships.ts'
import type { GroupState } from '../../../src/domain/merge/merge.ts'
import { TraitStates } from '../../../src/domain/merge/trait-states.ts'
import type { Event } from './arrangements.ts'

interface Claim {
  readonly clock: number
  readonly rank: readonly number[]
}
interface TraitClaim extends Claim {
  readonly value: StoredValue | null
}
interface UserClaim extends Claim {
  readonly member: boolean
}

/** Returns the state of each group after these events, whose order does not matter. */
export function statesByDefinition(events: readonly Event[]): GroupState[] {
  const groups = Map.groupBy(events, ({ groupId }) => groupId)
  return Array.from(groups, ([groupId, ofGroup]) => {
    const latest = Math.max(...ofGroup.map(({ clock }) => clock))
    const erasedAt = Math.max(-1, ...ofGroup.filter(isErasure).map(({ clock }) => clock))
    const traits = new Map<string, TraitClaim[]>()
    const users = new Map<string, UserClaim[]>()
    for (const event of ofGroup) {
      if (event.kind === 'erasure' || event.clock <= erasedAt) continue
      const { clock, userId, assigned } = event
      for (const [name, value] of event.traits) {
        traits.set(name, [...(traits.get(name) ?? []), { clock, value, rank: rankOf(value) }])
      }
      if (userId === null) continue
      const claim = { clock, member: assigned, rank: [Number(assigned)] }
      users.set(userId, [...(users.get(userId) ?? []), claim])
    }
    return {
      groupId,
      latest,
      erasedAt,
      traits: new TraitStates(winners(traits)),
      users: new Memberships(winners(users)),
    }
  })
}

function isErasure({ kind }: Event): boolean {
  return kind === 'erasure'
}

function winners<C extends Claim>(claims: ReadonlyMap<string, C[]>): Map<string, C> {
  return new Map(Array.from(claims, ([key, all]) => [key, all.reduce(greater)]))
}

function greater<C extends Claim>(a: C, b: C): C {
  if (a.clock !== b.clock) return a.clock > b.clock ? a : b
  for (let i = 0; i < Math.max(a.rank.length, b.rank.length); i++) {
    const difference = (a.rank[i] ?? -1) - (b.rank[i] ?? -1)
    if (difference !== 0) return difference > 0 ? a : b
  }
  return a
}

/**
 * The rank of a value at equal clocks: a removal is lowest, then the order of bytes (which is the
 * order of code points), then JSON is higher than a string.
 */
function rankOf(value: StoredValue | null): number[] {
  if (value === null) return []
  const text = typeof value === 'string' ? value : value.text
  const points = Array.from(text, (character) => (character.codePointAt(0) ?? 0) + 10)
  return [...points, typeof value === 'string' ? 1 : 2]
}
