/** The local stack cannot be brought up; the message says why and what to do. */
export class StackFailed extends Error {
  override readonly name = 'StackFailed'
}
