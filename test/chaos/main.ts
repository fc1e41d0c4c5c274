/**
 * Injects random faults under load. An oracle re-reads the topics and checks that Redis and the
 * dead letters match them.
 *
 *     npm run chaos -- [--minutes 10] [--seed S] [--rate 1500]
 *
 * It starts its own Kafka, Redis and workers, and removes them at the end. The seed determines the
 * faults, their order and durations, and the events. The results are also written to
 * .local/chaos-results.json, and the workers' logs to .local/chaos. Exits with code 1 if there was
 * a difference, a worker ended by itself, or the workers did not recover in time.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { randomFrom } from '../setup/random.ts'
import { FAULTS } from './faults.ts'
import { emptyFigures, hasPassed, recoveriesOf, tableOf } from './figures.ts'
import { clockTime, type Progress, startProgress } from './progress.ts'
import { type RoundOptions, runRound } from './round.ts'
import { scheduleFaults } from './schedule.ts'
import { startServers } from './servers.ts'
import { LOGS } from './worker-pool.ts'

const RESULTS = resolve(import.meta.dirname, '../../.local/chaos-results.json')
const ROUND_MS = 120_000

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
    await runRounds(run, progress)
  } catch (error) {
    figures.failure = error instanceof Error ? `${error.message}: ${error.cause ?? ''}` : `${error}`
  }
  figures.elapsedMs = run.elapsedMs()
  progress.end()
  await show(run)
  process.exitCode = hasPassed(figures) ? 0 : 1
}

interface Run extends Pick<RoundOptions, 'figures' | 'seed' | 'recordsPerSecond' | 'signal'> {
  readonly endsAfterMs: number
  readonly elapsedMs: () => number
}

/** Runs one round after the other, until the time is over or a check finds a difference. */
async function runRounds(run: Run, progress: Progress): Promise<void> {
  const { figures, seed, signal } = run
  const random = randomFrom(seed)
  const steps = scheduleFaults(FAULTS, random)
  const servers = await startServers(progress.show)
  try {
    for (let number = 1; !signal.aborted && figures.differences.length === 0; number++) {
      const leftMs = run.endsAfterMs - run.elapsedMs()
      if (leftMs <= 0) return
      const durationMs = leftMs < 1.5 * ROUND_MS ? leftMs : ROUND_MS
      await runRound({ ...run, servers, number, random, steps, durationMs, progress })
    }
  } finally {
    progress.show('stopping Kafka and Redis')
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
  if (deaths.length > 0) parts.push(`${deaths.length} unexpected worker exits`)
  return parts.join(', ')
}

async function show({ figures, signal }: Run): Promise<void> {
  console.log(tableOf(figures))
  if (signal.aborted) console.log('Interrupted: records since the last check were not checked.')
  if (figures.failure !== undefined) console.log(`Ended early: ${figures.failure}`)
  await mkdir(dirname(RESULTS), { recursive: true })
  const results = { ...figures, recoveries: recoveriesOf(figures) }
  await writeFile(RESULTS, `${JSON.stringify(results, null, 2)}\n`)
}

/** Aborted by SIGINT or SIGTERM. A second signal, at least a second later, exits at once. */
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
    console.error('--minutes and --rate must be numbers greater than 0, --seed a whole number')
    process.exit(2)
  }
  return { minutes, seed, recordsPerSecond }
}
