/** The local stack cannot be started. The message says why, and what to do. */
export class StackFailed extends Error {
  override readonly name = 'StackFailed'
}
