/** A bug, planted in the text of a source file as it is loaded. */
export interface Mutation {
  /** How the path of the file ends. */
  readonly file: string
  /** Occurs once in it. */
  readonly find: string
  readonly replace: string
}

/** @throws Error where the text is not there, or not once: the bug is to be planted elsewhere */
export function mutate(source: string, { file, find, replace }: Mutation): string {
  const parts = source.split(find)
  if (parts.length !== 2) {
    throw new Error(`${file} has ${parts.length - 1} times, not once: ${find}`)
  }
  return parts.join(replace)
}
