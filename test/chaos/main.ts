/**
 * Random faults under load, for as long as one likes, with an oracle that reads the topics
 * again and says whether Redis and the dead letters are as they must be.
 *
 *     npm run chaos -- [--minutes 10] [--seed S] [--rate 1500]
 *
 * Kafka, Redis and workers are its own, and gone at the end. The seed decides on the faults,
 * their order and how long each lasts, and on the events. The figures also go to
 * .local/chaos-results.json, the logs of workers to .local/chaos. Exits with 1 where there was
 * a difference, or a worker died by itself or did not recover.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { randomFrom } from '../setup/random.ts'
import { LOGS } from './crew.ts'
import { type EpochOptions, liveThrough } from './epoch.ts'
import { FAULTS } from './faults.ts'
import { emptyFigures, isFlawless, recoveriesOf, tableOf } from './figures.ts'
import { clockTime, type Progress, startProgress } from './progress.ts'
import { scheduleFaults } from './schedule.ts'
import { startServers } from './servers.ts'

const RESULTS = resolve(import.meta.dirname, '../../.local/chaos-results.json')
const EPOCH_MS = 120_000

await chaos()

async function chaos(): Promise<void> {
  const { minutes, seed, recordsPerSecond } = readArguments()
  const figures = emptyFigures(seed, recordsPerSecond)
  const startedMs = performance.now()
  const run: Run = {
    figures,
    seed,
    recordsPerSecond,
    endsAfterMs: minutes * 60_000,
    elapsedMs: () => performance.now() - startedMs,
    signal: signalOfInterrupts(),
  }
  const progress = startProgress(process.stderr, () => summaryOf(run))
  await rm(LOGS, { recursive: true, force: true })
  try {
    await wreakHavoc(run, progress)
  } catch (error) {
    figures.failure = error instanceof Error ? `${error.message}: ${error.cause ?? ''}` : `${error}`
  }
  figures.elapsedMs = run.elapsedMs()
  progress.end()
  await show(run)
  process.exitCode = isFlawless(figures) ? 0 : 1
}

interface Run extends Pick<EpochOptions, 'figures' | 'seed' | 'recordsPerSecond' | 'signal'> {
  readonly endsAfterMs: number
  readonly elapsedMs: () => number
}

/** One epoch after the other, until the time is over, or something is not as it must be. */
async function wreakHavoc(run: Run, progress: Progress): Promise<void> {
  const { figures, seed, signal } = run
  const random = randomFrom(seed)
  const steps = scheduleFaults(FAULTS, random)
  const servers = await startServers(progress.now)
  try {
    for (let number = 1; !signal.aborted && figures.differences.length === 0; number++) {
      const leftMs = run.endsAfterMs - run.elapsedMs()
      if (leftMs <= 0) return
      const durationMs = leftMs < 1.5 * EPOCH_MS ? leftMs : EPOCH_MS
      await liveThrough({ ...run, servers, number, random, steps, durationMs, progress })
    }
  } finally {
    progress.now('Kafka and Redis end')
    await servers.stop()
  }
}

function summaryOf({ figures, elapsedMs, endsAfterMs }: Run): string {
  const { records, faults, deaths } = figures
  const parts = [
    `${clockTime(elapsedMs())} of ${clockTime(endsAfterMs)}`,
    `${records.toLocaleString('en')} records`,
    `${faults.length} faults`,
  ]
  if (deaths.length > 0) parts.push(`${deaths.length} deaths`)
  return parts.join(', ')
}

async function show({ figures, signal }: Run): Promise<void> {
  console.log(tableOf(figures))
  if (signal.aborted) console.log('Interrupted: what came since the last check was not checked.')
  if (figures.failure !== undefined) console.log(`Ended early: ${figures.failure}`)
  await mkdir(dirname(RESULTS), { recursive: true })
  const results = { ...figures, recoveries: recoveriesOf(figures) }
  await writeFile(RESULTS, `${JSON.stringify(results, null, 2)}\n`)
}

/** Aborted by Ctrl-C or SIGTERM; another one, a second or more later, ends everything at once. */
function signalOfInterrupts(): AbortSignal {
  const interruption = new AbortController()
  let firstMs: number | undefined
  const onSignal = () => {
    firstMs ??= performance.now()
    interruption.abort()
    if (performance.now() - firstMs > 1000) process.exit(130)
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  return interruption.signal
}

function readArguments(): { minutes: number; seed: number; recordsPerSecond: number } {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      rate: { type: 'string', default: '1500' },
    },
  })
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)]
  const recordsPerSecond = Number(values.rate)
  if (!(minutes > 0) || !Number.isSafeInteger(seed) || !(recordsPerSecond > 0)) {
    console.error('--minutes and --rate are numbers over 0; --seed is a whole number')
    process.exit(2)
  }
  return { minutes, seed, recordsPerSecond }
}
