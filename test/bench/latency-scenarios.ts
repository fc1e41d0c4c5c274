/** Scenarios of single events on their way, with ours and with each reference. */
import { GIVE_UP_AFTER_MS, type LatencyFigures, measureLatency } from './latency.ts'
import { atPlace } from './place.ts'
import type { Figures, Row } from './results.ts'
import type { Stage } from './stage.ts'
import { rowsOf, takeTurns } from './turns.ts'
import type { WorkerName } from './worker-process.ts'

const SECONDS = 20
const WORKERS = ['group-traits', 'pipelined', 'straightforward'] as const

/** Ours and each reference by turns, as often as the stage says; compared by their medians. */
export async function playLatency(stage: Stage, eventsPerSecond: number): Promise<Row[]> {
  const p50 = ({ p50Ms }: LatencyFigures) => p50Ms
  const run = (worker: WorkerName) => latencyOf(stage, worker, eventsPerSecond)
  const turns = await takeTurns(WORKERS, stage.repeat, run, p50)
  return rowsOf(turns, p50).map((row) => ({ ...row, note: noteOf(row.figures, eventsPerSecond) }))
}

function latencyOf(
  { servers, progress }: Stage,
  worker: WorkerName,
  eventsPerSecond: number,
): Promise<LatencyFigures> {
  const onProgress = progress.step(`${eventsPerSecond} events/s through ${worker}`, SECONDS)
  const load = { eventsPerSecond, seconds: SECONDS }
  return atPlace(servers, undefined, (place) =>
    measureLatency(worker, servers, place, load, onProgress),
  )
}

/** A benchmark that is busy, or that sent less than it was to, measured itself. */
const BUSY_CPU_SHARE = 0.8
const MIN_SENT_SHARE = 0.97

function noteOf({ unseen, benchCpuShare, sentPerSecond }: Figures, wanted: number): string {
  const notes: string[] = []
  if (unseen) notes.push(`falls behind: ${unseen} probes not seen in ${GIVE_UP_AFTER_MS / 1000} s`)
  if ((sentPerSecond ?? 0) < MIN_SENT_SHARE * wanted) {
    notes.push(`the benchmark itself sent only ${Math.round(sentPerSecond ?? 0)}/s`)
  }
  if ((benchCpuShare ?? 0) > BUSY_CPU_SHARE) notes.push('the benchmark itself was the bottleneck')
  return notes.join('; ')
}
