/** A batch would become more in memory than the cap allows. */
export class TooLarge extends Error {
  override readonly name = 'TooLarge'
}
