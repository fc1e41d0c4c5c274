import type { Figures, Results } from './results.ts'

export interface DrainBar {
  readonly backlog: string
  readonly worker: string
  readonly eventsPerSecond: number
  /** What stands at the bar. */
  readonly label: string
}

export interface LatencySpan {
  readonly load: string
  readonly worker: string
  readonly p50Ms: number
  readonly p99Ms: number
  readonly label: string
}

/** What is drawn, as it is called there, in that order. */
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
const WORKERS = new Map([
  ['group-traits', 'group-traits'],
  ['pipelined', 'pipelined HGET, then HSET'],
  ['straightforward', 'HGET and HSET, one by one'],
])

export function drainBars(results: Results): DrainBar[] {
  return found(results, BACKLOGS).flatMap(({ title, worker, figures: { eventsPerSecond } }) =>
    eventsPerSecond === undefined
      ? []
      : [{ backlog: title, worker, eventsPerSecond, label: whole(eventsPerSecond) }],
  )
}

export function latencySpans(results: Results): LatencySpan[] {
  return found(results, LOADS).flatMap(({ title, worker, figures: { p50Ms, p99Ms } }) =>
    p50Ms === undefined || p99Ms === undefined
      ? []
      : [
          {
            load: title,
            worker,
            p50Ms,
            p99Ms,
            label: `p50 ${short(p50Ms)} ms, p99 ${short(p99Ms)} ms`,
          },
        ],
  )
}

interface Found {
  readonly title: string
  readonly worker: string
  readonly figures: Figures
}

function found({ scenarios }: Results, titles: ReadonlyMap<string, string>): Found[] {
  return [...titles].flatMap(([name, title]) => {
    const rows = scenarios.find(({ scenario }) => scenario === name)?.rows ?? []
    return rows.flatMap(({ ran, figures }) => {
      const worker = WORKERS.get(ran)
      return worker === undefined ? [] : [{ title, worker, figures }]
    })
  })
}

const whole = (value: number) => Math.round(value).toLocaleString('en')
const short = (ms: number) => (ms < 10 ? ms.toFixed(1) : whole(ms))
