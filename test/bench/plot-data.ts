import { BenchError, EXIT_USAGE } from './bench-error.ts'
import { tenths, whole } from './number-format.ts'
import type { StoredResults } from './results.ts'
import type { WorkerName } from './worker-process.ts'

export interface PlotData {
  readonly drains: readonly DrainBar[]
  readonly latencies: readonly LatencySpan[]
}

export interface DrainBar {
  readonly backlog: string
  readonly worker: string
  readonly eventsPerSecond: number
  /** The text beside the bar. */
  readonly label: string
}

export interface LatencySpan {
  readonly load: string
  readonly worker: string
  readonly p50Ms: number
  readonly p99Ms: number
  readonly label: string
}

// scenarios and workers that are drawn, with their titles, in this order
const BACKLOGS = new Map([
  ['drain-1', '1 partition'],
  ['drain-4', '4 partitions'],
  ['drain-200', '200 partitions'],
  ['drain-uniform', '4, uniform groups'],
])
const LOADS = new Map([
  ['latency-1k', '1,000 events/s'],
  ['latency-10k', '10,000 events/s'],
])
const WORKERS = new Map<WorkerName, string>([
  ['group-traits', 'group-traits'],
  ['pipelined', 'pipelined HGET, then HSET'],
  ['straightforward', 'HGET and HSET, one by one'],
])

/**
 * Selects the figures to draw.
 *
 * @throws BenchError if some are missing: nobody would notice that a plot is incomplete
 */
export function plotData(results: StoredResults): PlotData {
  const missing = new Set<string>()
  const drains = cellsOf(BACKLOGS).flatMap(({ scenario, ran, title, worker }) => {
    const { eventsPerSecond } = figuresOf(results, scenario, ran)
    if (isMeasured(eventsPerSecond)) {
      return [{ backlog: title, worker, eventsPerSecond, label: whole(eventsPerSecond) }]
    }
    missing.add(scenario)
    return []
  })
  const latencies = cellsOf(LOADS).flatMap(({ scenario, ran, title, worker }) => {
    const { p50Ms, p99Ms } = figuresOf(results, scenario, ran)
    if (isMeasured(p50Ms) && isMeasured(p99Ms)) {
      const label = `p50 ${short(p50Ms)} ms, p99 ${short(p99Ms)} ms`
      return [{ load: title, worker, p50Ms, p99Ms, label }]
    }
    missing.add(scenario)
    return []
  })
  if (missing.size > 0) {
    const message = `The results have no figures of ${[...missing].join(', ')}: run npm run bench first`
    throw new BenchError(message, EXIT_USAGE)
  }
  return { drains, latencies }
}

interface Cell {
  readonly scenario: string
  readonly ran: WorkerName
  readonly title: string
  readonly worker: string
}

function cellsOf(titles: ReadonlyMap<string, string>): Cell[] {
  return [...titles].flatMap(([scenario, title]) =>
    Array.from(WORKERS, ([ran, worker]) => ({ scenario, ran, title, worker })),
  )
}

type StoredFigures = StoredResults['scenarios'][number]['rows'][number]['figures']

function figuresOf({ scenarios }: StoredResults, name: string, worker: string): StoredFigures {
  const rows = scenarios.find(({ scenario }) => scenario === name)?.rows ?? []
  return rows.find(({ ran }) => ran === worker)?.figures ?? {}
}

const isMeasured = (value: number | null | undefined): value is number => value != null

const short = (ms: number) => (ms < 10 ? tenths(ms) : whole(ms))
