import type { StoredValue } from '../json/stored-value.ts'

/**
 * The traits of one event, in the event's order, each name once. `values[i]` belongs to
 * `names[i]`. Two lists instead of a map, because events with the same traits share `names`.
 */
export class EventTraits implements Iterable<[string, StoredValue | null]> {
  readonly names: readonly string[]
  /** `null` removes the trait. */
  readonly values: readonly (StoredValue | null)[]

  constructor(names: readonly string[], values: readonly (StoredValue | null)[]) {
    this.names = names
    this.values = values
  }

  get size(): number {
    return this.names.length
  }

  /** Undefined if the event does not have the trait. */
  get(name: string): StoredValue | null | undefined {
    return this.values[this.names.indexOf(name)]
  }

  *[Symbol.iterator](): Generator<[string, StoredValue | null]> {
    for (const [i, name] of this.names.entries()) yield [name, this.values[i] ?? null]
  }
}

/** Whether two lists have the same names in the same order. */
export function areSameNames(names: readonly string[], others: readonly string[]): boolean {
  if (names === others) return true
  if (names.length !== others.length) return false
  for (let i = 0; i < names.length; i++) if (names[i] !== others[i]) return false
  return true
}
