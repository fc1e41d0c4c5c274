/** A replacement in the text of a source file, made when the file is loaded. */
export interface Mutation {
  /** The end of the file's path. */
  readonly file: string
  /** Must occur exactly once in the file. */
  readonly find: string
  readonly replace: string
}

/**
 * Returns the source with the replacement.
 *
 * @throws Error if the text to replace does not occur exactly once
 */
export function mutate(source: string, { file, find, replace }: Mutation): string {
  const parts = source.split(find)
  if (parts.length !== 2) {
    throw new Error(`${file} must contain this once, but has it ${parts.length - 1} times: ${find}`)
  }
  return parts.join(replace)
}
