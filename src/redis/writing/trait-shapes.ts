import { type Form, formOf, type StoredValue } from '../../domain/json/stored-value.ts'

/**
 * The names of the traits of a patch, and how each value is stored, as merge.lua reads them:
 * how many have a value, then name, form, name, form ..., those that are removed at the end.
 */
export type Shape = readonly (string | Form | number)[]

/**
 * The shapes of one call. Most patches have the same traits as the one before them: then their
 * names are sent, and made ready there, once.
 */
export class TraitShapes {
  readonly list: Shape[] = []
  private readonly recent: Known[] = []

  /** The place of the shape in the list, from 1. What has no value stands at the end. */
  placeOf(names: readonly string[], values: readonly (StoredValue | null)[]): number {
    for (let i = this.recent.length - 1; i >= 0; i--) {
      const known = this.recent[i] as Known
      if (isSame(known, names, values)) return known.place
    }
    return this.add(names, values.map(formOf))
  }

  private add(names: readonly string[], forms: readonly Form[]): number {
    const shape: (string | number)[] = [forms.filter((form) => form !== 'x').length]
    for (const [i, name] of names.entries()) shape.push(name, forms[i] ?? '')
    const place = this.list.push(shape)
    this.recent.push({ names, forms, place })
    if (this.recent.length > MAX_RECENT) this.recent.shift()
    return place
  }
}

interface Known {
  readonly names: readonly string[]
  readonly forms: readonly Form[]
  readonly place: number
}

/** With more, looking for one costs more than sending it again. */
const MAX_RECENT = 4

function isSame(
  { names: knownNames, forms }: Known,
  names: readonly string[],
  values: readonly (StoredValue | null)[],
): boolean {
  if (names.length !== knownNames.length) return false
  for (let i = 0; i < names.length; i++) {
    if (names[i] !== knownNames[i] || formOf(values[i] ?? null) !== forms[i]) return false
  }
  return true
}
