import { EventTraits } from '../../../src/domain/event/event-traits.ts'
import type { StoredValue } from '../../../src/domain/json/stored-value.ts'

/** Returns the traits of an event; of a repeated name the last entry wins. */
export function eventTraits(entries: Iterable<readonly [string, StoredValue | null]>): EventTraits {
  const map = new Map(entries)
  return new EventTraits([...map.keys()], [...map.values()])
}
