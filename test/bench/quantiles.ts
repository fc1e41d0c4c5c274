/** The least of the values that a share `q` of them do not exceed; NaN of none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The one in the middle, by a figure of theirs. */
export function medianBy<T>(items: readonly [T, ...T[]], figure: (item: T) => number): T {
  const sorted = items.toSorted((a, b) => figure(a) - figure(b))
  return sorted[Math.ceil(sorted.length / 2) - 1] ?? items[0]
}
