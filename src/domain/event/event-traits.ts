import type { StoredValue } from '../json/stored-value.ts'

/** The traits of one event in its order, each name once: names and values side by side. */
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

  /** Undefined where the event does not speak of the trait. */
  get(name: string): StoredValue | null | undefined {
    return this.values[this.names.indexOf(name)]
  }

  *[Symbol.iterator](): Generator<[string, StoredValue | null]> {
    for (const [i, name] of this.names.entries()) yield [name, this.values[i] ?? null]
  }
}

/** Whether two lists of names are the same, in the same order. */
export function areSameNames(names: readonly string[], others: readonly string[]): boolean {
  if (names === others) return true
  if (names.length !== others.length) return false
  for (let i = 0; i < names.length; i++) if (names[i] !== others[i]) return false
  return true
}
