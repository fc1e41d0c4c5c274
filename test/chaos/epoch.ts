/**
 * A stretch of the run with a topic of its own, small enough to be read again whole: workers
 * under load, one fault after the other, and the oracle at the end.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { randomFrom } from '../setup/random.ts'
import { describeDifference } from '../setup/scene/differences.ts'
import type { Load } from '../setup/scene/load.ts'
import { type Scene, startScene } from '../setup/scene/scene.ts'
import { startCrew } from './crew.ts'
import type { World } from './faults.ts'
import type { Figures } from './figures.ts'
import type { Progress } from './progress.ts'
import { untilRecovered } from './recovery.ts'
import type { Step } from './schedule.ts'
import type { Servers } from './servers.ts'

export interface EpochOptions {
  readonly servers: Servers
  readonly number: number
  readonly seed: number
  readonly random: () => number
  readonly recordsPerSecond: number
  readonly steps: Iterator<Step, never>
  readonly durationMs: number
  readonly progress: Progress
  /** Is added to. */
  readonly figures: Figures
  /** Ends it early, without the oracle. */
  readonly signal: AbortSignal
}

const PARTITIONS = 6
const WORKERS = 3
const CHECK_DEADLINE_MS = 180_000

/** @throws where the workers do not recover in time */
export async function liveThrough(options: EpochOptions): Promise<void> {
  const { servers, number, figures, progress, signal } = options
  const scene = await startScene({
    kafkaBrokers: servers.kafka.directBrokers,
    redisUrl: servers.redis.url,
    partitions: PARTITIONS,
    seed: options.seed + number,
  })
  try {
    const crew = await startCrew({
      scene,
      servers,
      size: WORKERS,
      name: `epoch-${number}`,
      onDeath: (logOf) => {
        figures.deaths.push(logOf)
        progress.tell(logOf)
      },
    })
    try {
      const world = { ...servers, scene, crew }
      progress.now('the workers start')
      await untilRecovered(world, signal)
      await endure(world, options)
      if (!signal.aborted) await check(scene, options)
    } finally {
      await crew.dismiss()
    }
  } finally {
    await scene.close()
    await removeTopics(scene)
  }
}

/** Faults one after the other, under load, until the time is over. */
async function endure(world: World, options: EpochOptions): Promise<void> {
  const { steps, figures, signal, progress } = options
  const startedMs = performance.now()
  const before = figures.records
  const load = startLoad(world.scene.load, options)
  try {
    while (!signal.aborted && performance.now() - startedMs < options.durationMs) {
      const step = steps.next().value
      await suffer(world, step, options)
      const kinds = step.faults.map(({ fault }) => fault.kind)
      progress.now(`recovering: ${kinds.join(', and ')}`)
      const endedAt = new Date()
      const recoveryMs = await untilRecovered(world, signal)
      figures.records = before + world.scene.load.acknowledged.size
      if (signal.aborted) return
      const seconds = step.faults.map((each) => each.seconds)
      figures.faults.push({ kinds, seconds, endedAt, recoveryMs })
    }
  } finally {
    await load.stop()
    figures.records = before + world.scene.load.acknowledged.size
  }
}

async function suffer(
  world: World,
  { pauseSeconds, faults }: Step,
  { random, progress, signal }: EpochOptions,
): Promise<void> {
  await pause(pauseSeconds, signal)
  const names = faults.map(({ fault, seconds }) => `${fault.kind} for ${seconds.toFixed(1)} s`)
  progress.now(names.join(', and '))
  const outcomes = await Promise.allSettled(
    faults.map(async ({ fault, seconds }) => {
      const end = await fault.begin(world, random)
      await pause(seconds, signal)
      await end()
    }),
  )
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

/** Less where it is ended early. */
async function pause(seconds: number, signal: AbortSignal): Promise<void> {
  await sleep(seconds * 1000, undefined, { signal }).catch(() => {})
}

const BURST = 5000
const BETWEEN_BURSTS_SECONDS = 20

/** At a steady rate, with a burst from time to time. */
function startLoad(load: Load, { recordsPerSecond, seed, number }: EpochOptions) {
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

async function check({ oracle }: Scene, { figures, progress }: EpochOptions): Promise<void> {
  progress.now('checking')
  const verdict = await oracle.check({ deadlineMs: CHECK_DEADLINE_MS })
  figures.checks++
  figures.checkedRecords += verdict.records
  figures.rejected += verdict.rejected
  figures.deadLetters += verdict.deadLetters
  figures.differences.push(...verdict.differences.map(describeDifference))
  for (const difference of verdict.differences.slice(0, 10))
    progress.tell(describeDifference(difference))
}

async function removeTopics({ config, withAdmin }: Scene): Promise<void> {
  const topics = [config.kafka.topic, config.kafka.deadLetterTopic]
  await withAdmin((admin) => admin.deleteTopics({ topics }))
}
