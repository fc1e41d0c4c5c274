import type { StoredValue } from './stored-value.ts'

/** A valid group event: user belongs to group, with what is known of the group. */
export interface GroupEvent {
  readonly kind: 'group'
  readonly groupId: string
  /** `null` where nobody is named: an event of an anonymous visitor. */
  readonly userId: string | null
  /** False: the user left the group as of the clock. */
  readonly assigned: boolean
  /** When the event was first created: microseconds since 1970. */
  readonly clock: number
  /** `null` removes the trait. */
  readonly traits: ReadonlyMap<string, StoredValue | null>
}

/** Everything that is known of the group as of the clock or before goes, and stays gone. */
export interface Erasure {
  readonly kind: 'erasure'
  readonly groupId: string
  /** Microseconds since 1970. */
  readonly clock: number
}
