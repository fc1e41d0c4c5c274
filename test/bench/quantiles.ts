/** Returns the smallest value that is not exceeded by a share `q` of the values; NaN for none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[indexOf(q, sorted.length)] ?? Number.NaN
}

/** Returns the median, the lower one of two; NaN for no values. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/**
 * Returns the item with the median figure.
 *
 * @throws RangeError if there are no items
 */
export function medianBy<T>(items: readonly T[], figure: (item: T) => number): T {
  const sorted = items.toSorted((a, b) => figure(a) - figure(b))
  const middle = sorted[indexOf(0.5, sorted.length)]
  if (middle === undefined) throw new RangeError('No items, no median')
  return middle
}

function indexOf(q: number, count: number): number {
  return Math.max(0, Math.ceil(q * count) - 1)
}
