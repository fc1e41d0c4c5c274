/** The same thing done by several workers, by turns, so that each has its share of the noise. */
import { medianBy } from './quantiles.ts'
import type { Figures, Row } from './results.ts'
import type { WorkerName } from './worker-process.ts'

type Ratios = NonNullable<Row['ratios']>

interface Turns<F extends Figures> {
  /** Of the run in the middle. */
  readonly figures: F
  readonly runs: readonly F[]
}

/**
 * Runs each worker `repeat` times, all of them in each round.
 *
 * @param by the figure that tells which run is in the middle
 */
export async function takeTurns<F extends Figures>(
  workers: readonly WorkerName[],
  repeat: number,
  run: (worker: WorkerName) => Promise<F>,
  by: (figures: F) => number,
): Promise<Map<WorkerName, Turns<F>>> {
  const runs = new Map(workers.map((worker): [WorkerName, F[]] => [worker, []]))
  for (let round = 0; round < repeat; round++) {
    for (const [worker, all] of runs) all.push(await run(worker))
  }
  return new Map(
    Array.from(runs, ([worker, all]) => [worker, { figures: medianBy(all, by), runs: all }]),
  )
}

/** A row for each worker; ours is compared with all others, by the same figure. */
export function rowsOf<F extends Figures>(
  turns: ReadonlyMap<WorkerName, Turns<F>>,
  by: (figures: F) => number,
): Row[] {
  return Array.from(turns, ([ran, { figures, runs }]) => {
    const row = { ran, figures, ...(runs.length > 1 && { runs }) }
    const ratios: Ratios = Object.fromEntries(
      Array.from(turns, ([other, { figures: others }]) => [other, by(figures) / by(others)]).filter(
        ([other]) => other !== ran,
      ),
    )
    return ran === 'group-traits' ? { ...row, ratios } : row
  })
}
