/** The results of a run, as stored in its JSON file. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { BenchError, EXIT_USAGE } from './bench-error.ts'
import type { Machine } from './machine.ts'
import type { WorkerName } from './worker-process.ts'

/** The default files for the results of a whole run, and of any other run. */
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
  /** The error, if the scenario failed; then it has no rows. */
  readonly failure?: string
}

/** The figures of one worker (or writer) in one scenario. */
export interface Row {
  /** The name of the worker or writer. */
  readonly ran: string
  /** Of several runs, the figures of the median run. */
  readonly figures: Figures
  /** Our events per second (or latency, or CPU) divided by that of each reference. */
  readonly ratios?: Readonly<Partial<Record<WorkerName | 'plain HSET', number>>>
  /** A remark for people. */
  readonly note?: string
  /** The figures of all runs, in order. */
  readonly runs?: readonly Figures[]
}

/** CPU time is the sum over all cores. A figure that could not be measured is left out, or NaN. */
export interface Figures {
  readonly eventsPerSecond?: number
  /** CPU time per event, or per group in scenarios without events, in microseconds. */
  readonly nodeMicros?: number
  readonly redisMicros?: number
  readonly kafkaMicros?: number
  readonly peakMemoryMiB?: number
  /** The CPU share of the benchmark itself; 1 is one core. */
  readonly benchCpuShare?: number
  /** The CPU share of the worker; 1 is one core. */
  readonly cpuShare?: number
  /** The number of events, groups or probes that were measured. */
  readonly count?: number
  readonly p50Ms?: number
  readonly p99Ms?: number
  readonly maxMs?: number
  /** Probes that were never seen in Redis. */
  readonly unseen?: number
  /** Events per second that were actually sent. */
  readonly sentPerSecond?: number
  /** The duration of a start or a stop. */
  readonly tookMs?: number
  /** Memory per group, by kind of key, in bytes. */
  readonly bytes?: Readonly<Record<string, number>>
}

/** NaN is null in JSON. */
const figure = z.number().nullish()

/** The fields of stored results that are drawn. */
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

/** Reads stored results. @throws BenchError if there is no such file, or it has other content */
export async function readResults(file: string): Promise<StoredResults> {
  const parsed = storedSchema.safeParse(jsonIn(await textOf(file)))
  if (parsed.success) return parsed.data
  throw new BenchError(
    `${file} has no results of this benchmark: run npm run bench first`,
    EXIT_USAGE,
  )
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? `There is no ${file}` : `The results cannot be read: ${message}`
    throw new BenchError(`${why}: run npm run bench first`, EXIT_USAGE, { cause })
  }
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // reported like any other wrong content
  }
}
