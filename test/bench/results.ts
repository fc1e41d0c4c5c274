/** What a run of the benchmark found, as it stands in its JSON. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { EarlyEnd, NOT_RETRIABLE } from './early-end.ts'
import type { Machine } from './machine.ts'
import type { WorkerName } from './worker-process.ts'

/** Where the results of a whole run go, and those of any other. */
export const WHOLE_RESULTS = '.local/bench-results.json'
export const PART_RESULTS = '.local/bench-results-part.json'

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

/** What was NaN is null in JSON. */
const figure = z.number().nullish()

/** What is drawn of results. */
const storedSchema = z.object({
  at: z.string(),
  machine: z.object({ cpu: z.string(), cpus: z.number() }),
  scenarios: z.array(
    z.object({
      scenario: z.string(),
      rows: z.array(
        z.object({
          ran: z.string(),
          figures: z.object({ eventsPerSecond: figure, p50Ms: figure, p99Ms: figure }),
        }),
      ),
    }),
  ),
})

export type StoredResults = z.infer<typeof storedSchema>

export async function writeResults(file: string, results: Results): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, `${JSON.stringify(results, null, 2)}\n`)
}

/** @throws EarlyEnd where there is no such file, or it holds something else */
export async function readResults(file: string): Promise<StoredResults> {
  const parsed = storedSchema.safeParse(jsonIn(await textOf(file)))
  if (parsed.success) return parsed.data
  throw new EarlyEnd(
    `${file} holds no results of this benchmark: run npm run bench first`,
    NOT_RETRIABLE,
  )
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? `No results at ${file}` : `No results to read: ${message}`
    throw new EarlyEnd(`${why}: run npm run bench first`, NOT_RETRIABLE, { cause })
  }
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // told as anything else that is no result
  }
}
