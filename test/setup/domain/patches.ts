import type { GroupEvent } from '../../../src/domain/event/event.ts'
import type { StoredValue } from '../../../src/domain/json/stored-value.ts'
import { emptyState, type GroupState } from '../../../src/domain/merge/merge.ts'
import { eventTraits } from './event-traits.ts'

type Traits = Readonly<Record<string, StoredValue | null>> | ReadonlyMap<string, StoredValue | null>

interface PatchContent {
  /** The clock of everything in the patch. */
  readonly clock: number
  readonly traits?: Traits
  /** user id -> true: member, false: left */
  readonly users?: Readonly<Record<string, boolean>>
}

/** Returns a patch in which everything has the same clock. */
export function patchOf(
  groupId: string,
  { clock, traits = {}, users = {} }: PatchContent,
): GroupState {
  const patch = { ...emptyState(groupId), latest: clock }
  for (const [name, value] of entriesOf(traits)) patch.traits.set(name, { clock, value })
  for (const [userId, member] of Object.entries(users)) patch.users.set(userId, { clock, member })
  return patch
}

export function eventOf(content: {
  groupId: string
  userId: string
  clock: number
  traits: Traits
}): GroupEvent {
  return {
    kind: 'group',
    assigned: true,
    ...content,
    traits: eventTraits(entriesOf(content.traits)),
  }
}

function entriesOf(traits: Traits): Iterable<readonly [string, StoredValue | null]> {
  return traits instanceof Map ? traits : Object.entries(traits)
}
