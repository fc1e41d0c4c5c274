/** Any JSON value that is not a string, as the text that is stored of it. */
export class JsonText {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** What is stored of a trait's value: a string as it is, anything else as JSON text. */
export type StoredValue = string | JsonText

/** How a stored value is marked behind its clock: nothing for a string, `j` JSON, `x` removed. */
export type Form = '' | 'j' | 'x'

export function formOf(value: StoredValue | null): Form {
  if (value === null) return 'x'
  return typeof value === 'string' ? '' : 'j'
}

/** The text that stands in Redis. */
export function textOf(value: StoredValue): string {
  return typeof value === 'string' ? value : value.text
}

/**
 * The order that decides between two values of the same clock: a removal (`null`) is least;
 * then by the bytes of the UTF-8 text; at equal bytes JSON is over string.
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

/** JavaScript's own `<` goes by UTF-16 units, which puts U+FFFD above the emoji. */
function compareBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}
