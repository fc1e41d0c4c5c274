/** The results for people. */
import Table from 'cli-table3'
import { tenths, whole } from './numbers.ts'
import type { Figures, Results, Row, ScenarioResult } from './results.ts'

const HEADS = [
  'scenario',
  'what ran',
  'events/s',
  'Node µs/event',
  'Redis µs/event',
  'Kafka µs/event',
  'peak RSS MiB',
  'against',
  'more',
]

/** One row for each thing that ran; what is measured of a group stands where events do. */
export function tableOf(scenarios: readonly ScenarioResult[]): string {
  const table = new Table({ head: HEADS, style: { head: [], border: [], compact: true } })
  for (const { scenario, rows, failure } of scenarios) {
    rows.forEach((row, i) => {
      table.push([i === 0 ? scenario : '', ...cellsOf(row)])
    })
    if (failure !== undefined) {
      table.push([
        scenario,
        { content: `failed: ${failure.split('\n')[0]}`, colSpan: HEADS.length - 1 },
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

/** A row in one line, for while the others run. */
export function lineOf(row: Row): string {
  const { figures } = row
  const said = [
    shown(figures.eventsPerSecond, (rate) => `${whole(rate)} events/s`),
    shown(figures.redisMicros, (micros) => `${tenths(micros)} µs of Redis`),
    ratiosOf(row).join(', '),
    moreOf(row),
  ]
  return `${row.ran}: ${said.filter(Boolean).join('; ')}`
}

function cellsOf(row: Row): string[] {
  const { eventsPerSecond, nodeMicros, redisMicros, kafkaMicros, peakMemoryMiB } = row.figures
  return [
    row.ran,
    shown(eventsPerSecond, whole),
    shown(nodeMicros, tenths),
    shown(redisMicros, tenths),
    shown(kafkaMicros, tenths),
    shown(peakMemoryMiB, whole),
    ratiosOf(row).join('\n'),
    moreOf(row),
  ]
}

function ratiosOf({ ratios = {} }: Row): string[] {
  return Object.entries(ratios).map(([name, ratio]) => `${ratio?.toPrecision(3)} x ${name}`)
}

function moreOf({ figures, note }: Row): string {
  const figuresSaid = [latencyOf(figures), shareOf(figures), durationOf(figures)]
  return [...figuresSaid, note].filter(Boolean).join(' ')
}

function latencyOf({ p50Ms, p99Ms, maxMs }: Figures): string {
  if (p50Ms === undefined || p99Ms === undefined || maxMs === undefined) return ''
  return `p50 ${tenths(p50Ms)} ms, p99 ${tenths(p99Ms)} ms, max ${tenths(maxMs)} ms`
}

function shareOf({ cpuShare }: Figures): string {
  return shown(cpuShare, (share) => `${tenths(100 * share)} %`)
}

function durationOf({ tookMs }: Figures): string {
  return shown(tookMs, (ms) => `${whole(ms)} ms`)
}

function shown(value: number | undefined, format: (value: number) => string): string {
  return value === undefined || Number.isNaN(value) ? '' : format(value)
}
