/** Runs several workers alternately, so that slow and fast times of the machine affect all alike. */
import { medianBy } from './quantiles.ts'
import type { Figures, Row } from './results.ts'
import type { WorkerName } from './worker-process.ts'

type Ratios = NonNullable<Row['ratios']>

interface RunSummary<F extends Figures> {
  /** The figures of the median run. */
  readonly figures: F
  readonly runs: readonly F[]
}

/**
 * Runs each worker `repeat` times, each of them once per round.
 *
 * @param by the figure that determines the median run
 */
export async function runInterleaved<F extends Figures>(
  workers: readonly WorkerName[],
  repeat: number,
  run: (worker: WorkerName) => Promise<F>,
  by: (figures: F) => number,
): Promise<Map<WorkerName, RunSummary<F>>> {
  const runs = new Map(workers.map((worker): [WorkerName, F[]] => [worker, []]))
  for (let round = 0; round < repeat; round++) {
    for (const [worker, all] of runs) all.push(await run(worker))
  }
  return new Map(
    Array.from(runs, ([worker, all]) => [worker, { figures: medianBy(all, by), runs: all }]),
  )
}

/** Returns a row for each worker; the row of ours has its ratio to each other worker, by one figure. */
export function rowsOf<F extends Figures>(
  summaries: ReadonlyMap<WorkerName, RunSummary<F>>,
  by: (figures: F) => number,
): Row[] {
  return Array.from(summaries, ([ran, { figures, runs }]) => {
    const row = { ran, figures, ...(runs.length > 1 && { runs }) }
    const ratios: Ratios = Object.fromEntries(
      Array.from(summaries, ([other, { figures: others }]) => [
        other,
        by(figures) / by(others),
      ]).filter(([other]) => other !== ran),
    )
    return ran === 'group-traits' ? { ...row, ratios } : row
  })
}
