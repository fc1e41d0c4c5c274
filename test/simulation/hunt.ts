/** Looks for a planted bug, seed by seed. */
import { runHistories } from './fleet.ts'
import type { PlantedBug } from './planted-bugs.ts'

export interface Hunt {
  readonly name: string
  /** Of so many histories, as many failed: it went on until a few had, or one of many. */
  readonly histories: number
  readonly failures: number
  /** What was wrong at first. */
  readonly first: string | undefined
}

export async function huntFor(bug: PlantedBug, from: number, count: number): Promise<Hunt> {
  const verdicts = await runHistories({
    ...{ from, count, mutation: bug },
    threads: 1,
    stopsAtFailures: true,
  })
  const failed = verdicts.filter(({ violation }) => violation !== undefined)
  const [first] = failed
  return {
    name: bug.name,
    histories: verdicts.length,
    failures: failed.length,
    first: first && `seed ${first.seed}: ${first.violation}`,
  }
}
