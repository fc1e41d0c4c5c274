import Table from 'cli-table3'
import type { Drain } from './drain.ts'
import type { Latency } from './latency.ts'

export interface DrainResult {
  readonly partitions: number
  /** Groups in Redis at the end, as many as were sent. */
  readonly groups: number
  readonly ours: Drain
  readonly reference: Drain
}

export interface LatencyResult {
  readonly ours: Latency
  readonly reference: Latency
}

export function tableOfDrains(results: readonly DrainResult[]): string {
  const table = tableWith([
    'draining',
    'worker',
    'events/s',
    'Node µs/event',
    'Redis µs/event',
    'peak RSS MiB',
  ])
  for (const { partitions, ours, reference } of results) {
    const scenario = `${partitions} partition${partitions === 1 ? '' : 's'}`
    for (const drain of [ours, reference]) table.push([scenario, ...figuresOf(drain)])
    table.push([
      '',
      'ratio',
      ratio(ours.recordsPerSecond, reference.recordsPerSecond),
      ratio(ours.nodeMicros, reference.nodeMicros),
      ratio(ours.redisMicros, reference.redisMicros),
      ratio(ours.peakMemoryMiB, reference.peakMemoryMiB),
    ])
  }
  return table.toString()
}

export function tableOfLatencies(results: readonly LatencyResult[]): string {
  const table = tableWith(['latency', 'worker', 'p50 ms', 'p99 ms', 'max ms', 'probes'])
  for (const { ours, reference } of results) {
    for (const { worker, eventsPerSecond, p50Ms, p99Ms, maxMs, probes } of [ours, reference]) {
      table.push([
        `${eventsPerSecond} events/s`,
        worker,
        ...[p50Ms, p99Ms, maxMs].map((ms) => ms.toFixed(1)),
        probes,
      ])
    }
    table.push([
      '',
      'ratio',
      ratio(ours.p50Ms, reference.p50Ms),
      ratio(ours.p99Ms, reference.p99Ms),
      ratio(ours.maxMs, reference.maxMs),
      '',
    ])
  }
  return table.toString()
}

function figuresOf(drain: Drain): string[] {
  return [
    drain.worker,
    Math.round(drain.recordsPerSecond).toLocaleString('en'),
    drain.nodeMicros.toFixed(1),
    drain.redisMicros.toFixed(1),
    drain.peakMemoryMiB.toFixed(0),
  ]
}

function ratio(ours: number, reference: number): string {
  return `${(ours / reference).toFixed(2)} x`
}

function tableWith(head: string[]): Table.Table {
  return new Table({ head, style: { head: [], border: [] } })
}
