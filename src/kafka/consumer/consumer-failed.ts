/** The consumer met a bug, its own or that of who handles its batches: the process must end. */
export class ConsumerFailed extends Error {
  override readonly name = 'ConsumerFailed'
}
