/**
 * Returns the candidate most like the name, or undefined if none is like it. Case, underscores and
 * hyphens are ignored.
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const plainName = plain(name)
  let best: string | undefined
  let least = Math.floor(plainName.length / 3) + 2
  for (const candidate of candidates) {
    const distance = editDistance(plainName, plain(candidate))
    if (distance < least) {
      least = distance
      best = candidate
    }
  }
  return best
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[_-]/g, '')
}

/** The Levenshtein distance, computed row by row. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      const change = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1)
      next.push(Math.min(change, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
