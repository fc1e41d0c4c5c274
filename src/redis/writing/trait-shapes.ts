import { type Form, formOf, type StoredValue } from '../../domain/json/stored-value.ts'

/**
 * The names of a patch's traits and the form of each value, as merge-patches.lua reads them: the
 * number of values, then name, form, name, form, …. Traits that are removed come last.
 */
export type Shape = readonly (string | Form | number)[]

/**
 * The shapes of one call. Most patches have the same traits as the one before: so a call sends each
 * shape once, and merge.lua prepares it once.
 */
export class TraitShapes {
  readonly list: Shape[] = []
  private readonly recent: RecentShape[] = []

  /** Returns the number of the shape in the list, from 1. Names without a value must come last. */
  numberOf(names: readonly string[], values: readonly (StoredValue | null)[]): number {
    for (let i = this.recent.length - 1; i >= 0; i--) {
      const known = this.recent[i] as RecentShape
      if (isSame(known, names, values)) return known.number
    }
    return this.add(names, values.map(formOf))
  }

  private add(names: readonly string[], forms: readonly Form[]): number {
    const shape: (string | number)[] = [forms.filter((form) => form !== 'x').length]
    for (const [i, name] of names.entries()) shape.push(name, forms[i] ?? '')
    const number = this.list.push(shape)
    this.recent.push({ names, forms, number })
    if (this.recent.length > MAX_RECENT) this.recent.shift()
    return number
  }
}

interface RecentShape {
  readonly names: readonly string[]
  readonly forms: readonly Form[]
  readonly number: number
}

/** With more, the search costs more than sending a shape again. */
const MAX_RECENT = 4

function isSame(
  { names: knownNames, forms }: RecentShape,
  names: readonly string[],
  values: readonly (StoredValue | null)[],
): boolean {
  if (names.length !== knownNames.length) return false
  for (let i = 0; i < names.length; i++) {
    if (names[i] !== knownNames[i] || formOf(values[i] ?? null) !== forms[i]) return false
  }
  return true
}
