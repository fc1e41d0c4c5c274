/** What a run of the benchmark found, as it stands in its JSON. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Machine } from './machine.ts'
import type { WorkerName } from './worker-process.ts'

export interface Results {
  readonly at: string
  readonly commit: string | undefined
  readonly machine: Machine
  readonly seed: number
  readonly events: number
  readonly repeat: number
  readonly scenarios: readonly ScenarioResult[]
}

export interface ScenarioResult {
  readonly scenario: string
  readonly seconds: number
  readonly rows: readonly Row[]
  /** Why it has no rows. */
  readonly failure?: string
}

/** What one scenario found of one thing that ran. */
export interface Row {
  readonly ran: string
  /** Of several runs, those of the one in the middle. */
  readonly figures: Figures
  /** How many times the events per second, or the latency, of what it is compared with. */
  readonly ratios?: Readonly<Partial<Record<WorkerName | 'plain HSET', number>>>
  /** What else there is to say, for people. */
  readonly note?: string
  /** Every one, in the order in which they were made. */
  readonly runs?: readonly Figures[]
}

/** Measured; CPU is time on any core. What could not be measured is left out, or NaN. */
export interface Figures {
  readonly eventsPerSecond?: number
  /** CPU time of each event, or of each group where there are no events, in microseconds. */
  readonly nodeMicros?: number
  readonly redisMicros?: number
  readonly kafkaMicros?: number
  readonly peakMemoryMiB?: number
  /** What the benchmark itself took meanwhile, of one core. */
  readonly benchCpuShare?: number
  /** What was measured, of one core. */
  readonly cpuShare?: number
  /** Of what was measured: events, groups, or probes. */
  readonly count?: number
  readonly p50Ms?: number
  readonly p99Ms?: number
  readonly maxMs?: number
  /** Probes that never came. */
  readonly unseen?: number
  /** Events that were really sent, a second. */
  readonly sentPerSecond?: number
  /** How long something took. */
  readonly tookMs?: number
  /** Memory that each group takes, by kind of key. */
  readonly bytes?: Readonly<Record<string, number>>
}

export async function writeResults(file: string, results: Results): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, `${JSON.stringify(results, null, 2)}\n`)
}

/** @throws where there is no such file, or it is not of this form */
export async function readResults(file: string): Promise<Results> {
  const results: unknown = JSON.parse(await readFile(file, 'utf8'))
  if (!(results instanceof Object && 'scenarios' in results && 'machine' in results)) {
    throw new Error(`${file} is not a result of this benchmark`)
  }
  return results as Results
}
