/** Returns `1 record`, `2 records`, `0 matches`. */
export function counted(count: number, what: string): string {
  const plural = /(?:s|ch)$/.test(what) ? `${what}es` : `${what}s`
  return `${count} ${count === 1 ? what : plural}`
}
