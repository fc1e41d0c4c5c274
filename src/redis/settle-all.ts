/**
 * Waits until every promise has settled, and returns the results.
 *
 * @throws the first failure, but only once nothing is in flight any more
 */
export async function settleAll<Result>(promises: readonly Promise<Result>[]): Promise<Result[]> {
  await Promise.allSettled(promises)
  return await Promise.all(promises)
}
