/** Formats the results for people. */
import Table from 'cli-table3'
import { tenths, whole } from './number-format.ts'
import type { Figures, Results, Row, ScenarioResult } from './results.ts'

const COLUMNS = [
  'scenario',
  'worker',
  'events/s',
  'Node µs/event',
  'Redis µs/event',
  'Kafka µs/event',
  'peak RSS MiB',
  'compared',
  'notes',
]

/** One row per worker. Scenarios without events show the figures per group in the same columns. */
export function tableOf(scenarios: readonly ScenarioResult[]): string {
  const table = new Table({ head: COLUMNS, style: { head: [], border: [], compact: true } })
  for (const { scenario, rows, failure } of scenarios) {
    rows.forEach((row, i) => {
      table.push([i === 0 ? scenario : '', ...cellsOf(row)])
    })
    if (failure !== undefined) {
      table.push([
        scenario,
        { content: `failed: ${failure.split('\n')[0]}`, colSpan: COLUMNS.length - 1 },
      ])
    }
  }
  return table.toString()
}

export function headerOf({ machine, events, repeat, seed }: Results): string {
  const { cpu, cpus, memoryGiB, node, redis, kafka } = machine
  const versions = [`Node ${node}`, redis && `Redis ${redis}`, kafka && `Kafka ${kafka}`]
  const times = repeat > 1 ? `, median of ${repeat}` : ''
  return (
    `${cpus} x ${cpu}, ${memoryGiB} GiB; ${versions.filter(Boolean).join(', ')}\n` +
    `${whole(events)} events, seed ${seed}${times}`
  )
}

/** Formats a row in one line, to show it before the run is over. */
export function lineOf(row: Row): string {
  const { figures } = row
  const parts = [
    formatted(figures.eventsPerSecond, (rate) => `${whole(rate)} events/s`),
    formatted(figures.redisMicros, (micros) => `${tenths(micros)} µs of Redis`),
    ratiosOf(row).join(', '),
    notesOf(row),
  ]
  return `${row.ran}: ${parts.filter(Boolean).join('; ')}`
}

function cellsOf(row: Row): string[] {
  const { eventsPerSecond, nodeMicros, redisMicros, kafkaMicros, peakMemoryMiB } = row.figures
  return [
    row.ran,
    formatted(eventsPerSecond, whole),
    formatted(nodeMicros, tenths),
    formatted(redisMicros, tenths),
    formatted(kafkaMicros, tenths),
    formatted(peakMemoryMiB, whole),
    ratiosOf(row).join('\n'),
    notesOf(row),
  ]
}

function ratiosOf({ ratios = {} }: Row): string[] {
  return Object.entries(ratios).map(([name, ratio]) => `${ratio?.toPrecision(3)} x ${name}`)
}

function notesOf({ figures, note }: Row): string {
  return [latencyOf(figures), shareOf(figures), durationOf(figures), note].filter(Boolean).join(' ')
}

function latencyOf({ p50Ms, p99Ms, maxMs }: Figures): string {
  if (p50Ms === undefined || p99Ms === undefined || maxMs === undefined) return ''
  return `p50 ${tenths(p50Ms)} ms, p99 ${tenths(p99Ms)} ms, max ${tenths(maxMs)} ms`
}

function shareOf({ cpuShare }: Figures): string {
  return formatted(cpuShare, (share) => `${tenths(100 * share)} %`)
}

function durationOf({ tookMs }: Figures): string {
  return formatted(tookMs, (ms) => `${whole(ms)} ms`)
}

function formatted(value: number | undefined, format: (value: number) => string): string {
  return value === undefined || Number.isNaN(value) ? '' : format(value)
}
