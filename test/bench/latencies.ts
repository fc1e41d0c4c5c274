/** Scenarios of single events on their way, with ours and with each reference. */
import { GIVE_UP_AFTER_MS, type LatencyFigures, measureLatency } from './latency.ts'
import { atPlace } from './place.ts'
import type { Row } from './results.ts'
import type { Stage } from './stage.ts'
import type { WorkerName } from './worker-process.ts'

const SECONDS = 20
const WORKERS = ['group-traits', 'pipelined', 'straightforward'] as const

export async function playLatency(stage: Stage, eventsPerSecond: number): Promise<Row[]> {
  const figures = new Map<WorkerName, LatencyFigures>()
  for (const worker of WORKERS) {
    figures.set(worker, await latencyOf(stage, worker, eventsPerSecond))
  }
  return Array.from(figures, ([ran, found]) => {
    const ratios: Partial<Record<WorkerName, number>> = {}
    for (const reference of ran === 'group-traits' ? WORKERS.slice(1) : []) {
      ratios[reference] = found.p50Ms / (figures.get(reference)?.p50Ms ?? Number.NaN)
    }
    return { ran, figures: found, ratios, note: noteOf(found, eventsPerSecond) }
  })
}

function latencyOf(
  { servers, progress }: Stage,
  worker: WorkerName,
  eventsPerSecond: number,
): Promise<LatencyFigures> {
  const onProgress = progress.step(`${eventsPerSecond} events/s through ${worker}`, SECONDS)
  return atPlace(servers, 'unmade', async (unmade) => {
    // a topic that goes with all else of the place
    const place = { ...unmade, topic: unmade.groupId }
    return measureLatency(worker, servers, place, { eventsPerSecond, seconds: SECONDS }, onProgress)
  })
}

/** A benchmark that is busy, or that sent less than it was to, measured itself. */
const BUSY_CPU_SHARE = 0.8
const MIN_SENT_SHARE = 0.97

function noteOf({ unseen, benchCpuShare, sentPerSecond }: LatencyFigures, wanted: number): string {
  const notes: string[] = []
  if (unseen) notes.push(`falls behind: ${unseen} probes not seen in ${GIVE_UP_AFTER_MS / 1000} s`)
  if ((sentPerSecond ?? 0) < MIN_SENT_SHARE * wanted) {
    notes.push(`the benchmark itself sent only ${Math.round(sentPerSecond ?? 0)}/s`)
  }
  if ((benchCpuShare ?? 0) > BUSY_CPU_SHARE) notes.push('the benchmark itself was the bottleneck')
  return notes.join('; ')
}
