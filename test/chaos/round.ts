/**
 * One round of a run, with its own topic: workers under load, one fault after the other, and a
 * check by the oracle at the end. A round is short, as the oracle reads the whole topic.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { randomFrom } from '../setup/random.ts'
import { describeDifference } from '../setup/scene/differences.ts'
import type { Load } from '../setup/scene/load.ts'
import { type Scene, startScene } from '../setup/scene/scene.ts'
import type { Targets } from './faults.ts'
import type { Figures } from './figures.ts'
import type { Progress } from './progress.ts'
import { untilRecovered } from './recovery.ts'
import type { Step } from './schedule.ts'
import type { Servers } from './servers.ts'
import { startWorkerPool } from './worker-pool.ts'

export interface RoundOptions {
  readonly servers: Servers
  readonly number: number
  readonly seed: number
  readonly random: () => number
  readonly recordsPerSecond: number
  readonly steps: Iterator<Step, never>
  readonly durationMs: number
  readonly progress: Progress
  /** The figures of the run; the round adds its own to them. */
  readonly figures: Figures
  /** Ends the round early, without a check by the oracle. */
  readonly signal: AbortSignal
}

const PARTITIONS = 6
const WORKERS = 3
const CHECK_TIMEOUT_MS = 180_000

/** Runs one round. @throws Error if the workers do not recover in time */
export async function runRound(options: RoundOptions): Promise<void> {
  const { servers, number, figures, progress, signal } = options
  const scene = await startScene({
    kafkaBrokers: servers.kafka.directBrokers,
    redisUrl: servers.redis.url,
    partitions: PARTITIONS,
    seed: options.seed + number,
  })
  try {
    const pool = await startWorkerPool({
      scene,
      servers,
      size: WORKERS,
      name: `round-${number}`,
      onDeath: (description) => {
        figures.deaths.push(description)
        progress.keep(description)
      },
    })
    try {
      const targets = { ...servers, scene, pool }
      progress.show('starting the workers')
      await untilRecovered(targets, signal)
      await injectFaults(targets, options)
      if (!signal.aborted) await check(scene, options)
    } finally {
      await pool.stopAll()
    }
  } finally {
    await scene.close()
    await removeTopics(scene)
  }
}

/** Injects one fault after the other under load, until the duration is over. */
async function injectFaults(targets: Targets, options: RoundOptions): Promise<void> {
  const { steps, figures, signal, progress } = options
  const startedMs = performance.now()
  const before = figures.records
  const load = startLoad(targets.scene.load, options)
  try {
    while (!signal.aborted && performance.now() - startedMs < options.durationMs) {
      const step = steps.next().value
      await injectStep(targets, step, options)
      const kinds = step.faults.map(({ fault }) => fault.kind)
      progress.show(`recovering from: ${kinds.join(', and ')}`)
      const endedAt = new Date()
      const recoveryMs = await untilRecovered(targets, signal)
      figures.records = before + targets.scene.load.acknowledged.size
      if (signal.aborted) return
      const seconds = step.faults.map((each) => each.seconds)
      figures.faults.push({ kinds, seconds, endedAt, recoveryMs })
    }
  } finally {
    await load.stop()
    figures.records = before + targets.scene.load.acknowledged.size
  }
}

/** Waits, then begins and ends the faults of one step. */
async function injectStep(
  targets: Targets,
  { pauseSeconds, faults }: Step,
  { random, progress, signal }: RoundOptions,
): Promise<void> {
  await pause(pauseSeconds, signal)
  const names = faults.map(({ fault, seconds }) => `${fault.kind} for ${seconds.toFixed(1)} s`)
  progress.show(names.join(', and '))
  const outcomes = await Promise.allSettled(
    faults.map(async ({ fault, seconds }) => {
      const end = await fault.begin(targets, random)
      await pause(seconds, signal)
      await end()
    }),
  )
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

/** Waits; returns early if the signal is aborted. */
async function pause(seconds: number, signal: AbortSignal): Promise<void> {
  await sleep(seconds * 1000, undefined, { signal }).catch(() => {})
}

const BURST = 5000
const BETWEEN_BURSTS_SECONDS = 20

/** Produces records at a steady rate, with a burst from time to time. */
function startLoad(load: Load, { recordsPerSecond, seed, number }: RoundOptions) {
  const random = randomFrom(seed + number)
  const running = load.run(recordsPerSecond)
  const stopping = new AbortController()
  const bursting = (async () => {
    for (;;) {
      await pause(2 * random() * BETWEEN_BURSTS_SECONDS, stopping.signal)
      if (stopping.signal.aborted) return
      await load.send(BURST)
    }
  })()
  return {
    async stop() {
      stopping.abort()
      await Promise.all([running.stop(), bursting])
    },
  }
}

async function check({ oracle }: Scene, { figures, progress }: RoundOptions): Promise<void> {
  progress.show('checking')
  const verdict = await oracle.check({ timeoutMs: CHECK_TIMEOUT_MS })
  figures.checks++
  figures.checkedRecords += verdict.records
  figures.rejected += verdict.rejected
  figures.deadLetters += verdict.deadLetters
  figures.differences.push(...verdict.differences.map(describeDifference))
  for (const difference of verdict.differences.slice(0, 10))
    progress.keep(describeDifference(difference))
}

async function removeTopics({ config, withAdmin }: Scene): Promise<void> {
  const topics = [config.kafka.topic, config.kafka.deadLetterTopic]
  await withAdmin((admin) => admin.deleteTopics({ topics }))
}
