/** Scenarios of a worker's life: how soon it works, how soon it is gone, what idling costs. */
import { setTimeout as delay } from 'node:timers/promises'
import { randomFrom } from '../setup/random.ts'
import { watchKeys } from './appearance.ts'
import { eventOf } from './generator.ts'
import { atPlace, type Place } from './place.ts'
import { median } from './quantiles.ts'
import type { Figures, Row } from './results.ts'
import { initialRebalanceDelayMs, type Servers } from './servers.ts'
import type { Stage, TopicWish } from './stage.ts'
import { committedRecords, createTopic } from './topic.ts'
import { startWorker, type WorkerName, type WorkerProcess } from './worker-process.ts'
import { USUAL } from './workloads.ts'

const ROUNDS = 5
const GROUP_ID = 'group-0'
const START_DEADLINE_MS = 60_000
const POLL_MS = 10
/** After which a worker that has started does nothing any more. */
const SETTLED_AFTER_MS = 5000
const IDLE_SECONDS = 20
const PARTITIONS = 4

/** The time from the spawn until an event that was in the topic before can be read in Redis. */
export async function playStart(stage: Stage): Promise<Row[]> {
  const runs = await rounds(stage, 'starting', (place) =>
    withStarted(stage.servers, place, async (_, tookMs) => tookMs),
  )
  const delayMs = await initialRebalanceDelayMs(stage.servers)
  const note = delayMs === 0 ? 'start to first event' : `with ${delayMs} ms of rebalance delay`
  return [rowOf('group-traits', note, runs)]
}

/** The time from SIGTERM to the end, of a worker that does nothing, and of one at work. */
export async function playStop(stage: Stage, backlog: TopicWish): Promise<Row[]> {
  const { servers } = stage
  const idle = await rounds(stage, 'stopping, idle', (place) =>
    withStarted(servers, place, async (worker) => {
      await delay(SETTLED_AFTER_MS, undefined, { signal: servers.signal })
      return timeToStop(worker)
    }),
  )
  const { topic } = await stage.topic(backlog)
  const busy = await rounds(stage, 'stopping, under load', async (place) => {
    const loaded = { ...place, topic }
    const worker = await startWorker('group-traits', servers, loaded)
    try {
      await untilCommitted(servers, loaded)
      return await timeToStop(worker)
    } finally {
      await worker.stop()
    }
  })
  return [
    rowOf('group-traits', 'SIGTERM to exit, idle', idle),
    rowOf('group-traits', 'SIGTERM to exit, draining', busy),
  ]
}

/** The CPU that a worker takes that has nothing to do, beside a consumer that never does any. */
export async function playIdle(stage: Stage): Promise<Row[]> {
  const shareOf = async (name: WorkerName): Promise<Row> => {
    const end = stage.progress.step(`${name} idling`)
    const cpuShare = await inOwnTopic(stage.servers, async (place) => {
      const worker = await startWorker(name, stage.servers, place)
      try {
        await untilJoined(stage.servers, place)
        await delay(SETTLED_AFTER_MS, undefined, { signal: stage.servers.signal })
        const [before, atMs] = [await worker.cpuSeconds(), performance.now()]
        await delay(IDLE_SECONDS * 1000, undefined, { signal: stage.servers.signal })
        const seconds = (performance.now() - atMs) / 1000
        await worker.check()
        return ((await worker.cpuSeconds()) - before) / seconds
      } finally {
        await worker.stop()
      }
    })
    end(1)
    return { ran: name, figures: { cpuShare }, note: 'of a core, idle' }
  }
  return [await shareOf('group-traits'), await shareOf('bare kafkajs')]
}

async function rounds(
  { servers, progress }: Stage,
  what: string,
  measure: (place: Place) => Promise<number>,
): Promise<number[]> {
  const onProgress = progress.step(what, ROUNDS)
  const runs: number[] = []
  while (runs.length < ROUNDS) {
    runs.push(await inOwnTopic(servers, measure))
    onProgress(runs.length)
  }
  return runs
}

function rowOf(ran: string, note: string, runs: readonly number[]): Row {
  const asFigures = (tookMs: number): Figures => ({ tookMs })
  return { ran, note, figures: asFigures(median(runs)), runs: runs.map(asFigures) }
}

/** A topic with one event. */
function inOwnTopic<T>(servers: Servers, use: (place: Place) => Promise<T>): Promise<T> {
  return atPlace(servers, undefined, async (place) => {
    await createTopic(servers.admin, place.topic, PARTITIONS)
    const producer = await servers.connectProducer()
    const value = eventOf(GROUP_ID, 0, Date.now(), randomFrom(1), USUAL.traitsOf)
    await producer.send({ topic: place.topic, messages: [{ key: GROUP_ID, value }] })
    await producer.disconnect()
    return use(place)
  })
}

/** Starts ours, waits for the first event to be in Redis, and ends it after. */
async function withStarted<T>(
  servers: Servers,
  place: Place,
  use: (worker: WorkerProcess, tookMs: number) => Promise<T>,
): Promise<T> {
  const prefix = `${place.keyPrefix}group:`
  const appearances = await watchKeys(servers, prefix, START_DEADLINE_MS)
  const startedAt = performance.now()
  const worker = await startWorker('group-traits', servers, place)
  try {
    const seenAt = await appearances.of(`${prefix}{${GROUP_ID}}`)
    await worker.check()
    if (seenAt === undefined) throw new Error('The first event was not merged within a minute')
    return await use(worker, seenAt - startedAt)
  } finally {
    appearances.close()
    await worker.stop()
  }
}

async function timeToStop(worker: WorkerProcess): Promise<number> {
  await worker.check()
  const at = performance.now()
  await worker.stop()
  return performance.now() - at
}

async function untilCommitted(
  { admin, signal }: Servers,
  { groupId, topic }: Place,
): Promise<void> {
  const deadline = performance.now() + START_DEADLINE_MS
  while ((await committedRecords(admin, groupId, topic)) === 0) {
    if (performance.now() > deadline) throw new Error('The worker commits nothing')
    await delay(POLL_MS, undefined, { signal })
  }
}

/** Resolves once the group has a member. */
async function untilJoined({ admin, signal }: Servers, { groupId }: Place): Promise<void> {
  const deadline = performance.now() + START_DEADLINE_MS
  for (;;) {
    const { groups } = await admin.describeGroups([groupId])
    if (groups[0]?.state === 'Stable') return
    if (performance.now() > deadline) throw new Error('The worker never joined its group')
    await delay(POLL_MS, undefined, { signal })
  }
}
