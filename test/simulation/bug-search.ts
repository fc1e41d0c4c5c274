/** Simulates one history after the other with a planted bug, until some of them fail. */

import type { PlantedBug } from './planted-bugs.ts'
import { runHistories } from './thread-pool.ts'

export interface SearchResult {
  readonly name: string
  /** How many histories were simulated. */
  readonly histories: number
  /** How many of them failed. */
  readonly failures: number
}

/** Searches for a history that shows the bug. Stops after a few failures, or at `count` histories. */
export async function searchFor(
  bug: PlantedBug,
  from: number,
  count: number,
): Promise<SearchResult> {
  const verdicts = await runHistories({
    ...{ from, count, mutation: bug },
    threads: 1,
    stopsAtFailures: true,
  })
  const failed = verdicts.filter(({ violation }) => violation !== undefined)
  return { name: bug.name, histories: verdicts.length, failures: failed.length }
}
