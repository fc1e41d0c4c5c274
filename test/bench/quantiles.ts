/** The least of the values that a share `q` of them do not exceed; NaN of none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[indexOf(q, sorted.length)] ?? Number.NaN
}

/** The least of the values that half of them do not exceed; NaN of none. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/**
 * The one in the middle, by a figure of theirs.
 *
 * @throws RangeError where there is none
 */
export function medianBy<T>(items: readonly T[], figure: (item: T) => number): T {
  const sorted = items.toSorted((a, b) => figure(a) - figure(b))
  const middle = sorted[indexOf(0.5, sorted.length)]
  if (middle === undefined) throw new RangeError('Nothing has no middle')
  return middle
}

function indexOf(q: number, count: number): number {
  return Math.max(0, Math.ceil(q * count) - 1)
}
