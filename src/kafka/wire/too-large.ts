/** Thrown if a batch would need more memory than the cap allows. */
export class TooLarge extends Error {
  override readonly name = 'TooLarge'
}
