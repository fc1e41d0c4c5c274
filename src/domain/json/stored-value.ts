/**
 * The stored form of a trait's value, as Redis holds it. A string is stored as its own text;
 * any other JSON value as JSON text. The clock field beside it says which of the two it is.
 */

/** The JSON text of a value that is not a string. */
export class JsonText {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** A value as it is stored. Wherever `null` is allowed beside it, null is a removed trait. */
export type StoredValue = string | JsonText

/** The form suffix of a clock field, after its digits: '' for a string, `j` for JSON, `x` for removed. */
export type Form = '' | 'j' | 'x'

export function formOf(value: StoredValue | null): Form {
  if (value === null) return 'x'
  return typeof value === 'string' ? '' : 'j'
}

/** Returns the text that Redis holds. */
export function textOf(value: StoredValue): string {
  return typeof value === 'string' ? value : value.text
}

/**
 * Compares two values of one trait that have the same clock; the greater one wins. A removal
 * (`null`) is the least. Values are compared by their UTF-8 bytes; at equal bytes JSON is greater
 * than a string: null < the string `250` < the number 250 < `9`.
 *
 * @returns negative, 0 or positive, as `a` is less than, equal to or greater than `b`
 */
export function compareStored(a: StoredValue | null, b: StoredValue | null): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null)
  return (
    compareBytes(textOf(a), textOf(b)) ||
    Number(typeof a !== 'string') - Number(typeof b !== 'string')
  )
}

/** Not `<`: JavaScript compares UTF-16 units, which puts U+FFFD above the emoji. */
function compareBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}
