/** Scenarios that measure the latency of single events, for our worker and for the references. */

import type { BenchContext } from './bench-context.ts'
import { rowsOf, runInterleaved } from './interleaved-runs.ts'
import { GIVE_UP_AFTER_MS, type LatencyFigures, measureLatency } from './latency.ts'
import { withNamespace } from './namespace.ts'
import type { Figures, Row } from './results.ts'
import type { WorkerName } from './worker-process.ts'

const SECONDS = 20
const WORKERS = ['group-traits', 'pipelined', 'straightforward'] as const

/** Measures our worker and the references, alternating, as often as `repeat` says. */
export async function runLatency(context: BenchContext, eventsPerSecond: number): Promise<Row[]> {
  const p50 = ({ p50Ms }: LatencyFigures) => p50Ms
  const run = (worker: WorkerName) => latencyOf(context, worker, eventsPerSecond)
  const summaries = await runInterleaved(WORKERS, context.repeat, run, p50)
  return rowsOf(summaries, p50).map((row) => ({
    ...row,
    note: noteOf(row.figures, eventsPerSecond),
  }))
}

function latencyOf(
  { servers, progress }: BenchContext,
  worker: WorkerName,
  eventsPerSecond: number,
): Promise<LatencyFigures> {
  const onProgress = progress.step(`sending ${eventsPerSecond} events/s to ${worker}`, SECONDS)
  const load = { eventsPerSecond, seconds: SECONDS }
  return withNamespace(servers, undefined, (namespace) =>
    measureLatency(worker, servers, namespace, load, onProgress),
  )
}

/** If the benchmark itself was busy, or sent less than wanted, the figures are its own limits. */
const BUSY_CPU_SHARE = 0.8
const MIN_SENT_SHARE = 0.97

function noteOf({ unseen, benchCpuShare, sentPerSecond }: Figures, wanted: number): string {
  const notes: string[] = []
  if (unseen)
    notes.push(`falls behind: ${unseen} probes not in Redis after ${GIVE_UP_AFTER_MS / 1000} s`)
  if ((sentPerSecond ?? 0) < MIN_SENT_SHARE * wanted) {
    notes.push(`the benchmark itself sent only ${Math.round(sentPerSecond ?? 0)}/s`)
  }
  if ((benchCpuShare ?? 0) > BUSY_CPU_SHARE) notes.push('the benchmark itself was the bottleneck')
  return notes.join('; ')
}
