/** The consumer, or the code that processes its batches, hit a bug: the process must end. */
export class ConsumerFailed extends Error {
  override readonly name = 'ConsumerFailed'
}
