import { EventTraits } from '../../../src/domain/event/event-traits.ts'
import type { StoredValue } from '../../../src/domain/json/stored-value.ts'

/** Of a name that comes twice, the last counts. */
export function eventTraits(entries: Iterable<readonly [string, StoredValue | null]>): EventTraits {
  const map = new Map(entries)
  return new EventTraits([...map.keys()], [...map.values()])
}
