/** Scenarios of a worker's life cycle: how fast it starts and stops, and what idling costs. */
import { setTimeout as delay } from 'node:timers/promises'
import { randomFrom } from '../setup/random.ts'
import type { BenchContext, TopicOptions } from './bench-context.ts'
import { eventOf } from './generator.ts'
import { watchKeys } from './key-watcher.ts'
import { type Namespace, withNamespace } from './namespace.ts'
import { median } from './quantiles.ts'
import type { Figures, Row } from './results.ts'
import { initialRebalanceDelayMs, type Servers } from './servers.ts'
import { committedRecords, createTopic } from './topic.ts'
import { startWorker, type WorkerName, type WorkerProcess } from './worker-process.ts'
import { USUAL } from './workloads.ts'

const ROUNDS = 5
const GROUP_ID = 'group-0'
const START_TIMEOUT_MS = 60_000
const POLL_MS = 10
/** A worker without records has finished its start by then. */
const SETTLED_AFTER_MS = 5000
const IDLE_SECONDS = 20
const PARTITIONS = 4

/** Measures from the spawn until an event that is in the topic already can be read in Redis. */
export async function runStart(context: BenchContext): Promise<Row[]> {
  const runs = await rounds(context, 'starting', (namespace) =>
    withStarted(context.servers, namespace, async (_, tookMs) => tookMs),
  )
  const delayMs = await initialRebalanceDelayMs(context.servers)
  const note =
    delayMs === 0
      ? 'start to first event'
      : `start to first event, with ${delayMs} ms of rebalance delay`
  return [rowOf('group-traits', note, runs)]
}

/** Measures from SIGTERM to the exit, for an idle worker and for one that drains a backlog. */
export async function runStop(context: BenchContext, backlog: TopicOptions): Promise<Row[]> {
  const { servers } = context
  const idle = await rounds(context, 'stopping, idle', (namespace) =>
    withStarted(servers, namespace, async (worker) => {
      await delay(SETTLED_AFTER_MS, undefined, { signal: servers.signal })
      return timeToStop(worker)
    }),
  )
  const { topic } = await context.topic(backlog)
  const busy = await rounds(context, 'stopping, under load', async (namespace) => {
    const loaded = { ...namespace, topic }
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

/** Measures the CPU of an idle worker, and of a kafkajs consumer that does nothing. */
export async function runIdle(context: BenchContext): Promise<Row[]> {
  const measure = async (name: WorkerName): Promise<Row> => {
    const end = context.progress.step(`${name} idling`)
    const cpuShare = await inOwnTopic(context.servers, async (namespace) => {
      const worker = await startWorker(name, context.servers, namespace)
      try {
        await untilJoined(context.servers, namespace)
        await delay(SETTLED_AFTER_MS, undefined, { signal: context.servers.signal })
        const [before, atMs] = [await worker.cpuSeconds(), performance.now()]
        await delay(IDLE_SECONDS * 1000, undefined, { signal: context.servers.signal })
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
  return [await measure('group-traits'), await measure('bare kafkajs')]
}

async function rounds(
  { servers, progress }: BenchContext,
  what: string,
  measure: (namespace: Namespace) => Promise<number>,
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

/** Calls `use` with a namespace whose topic has one event. */
function inOwnTopic<T>(servers: Servers, use: (namespace: Namespace) => Promise<T>): Promise<T> {
  return withNamespace(servers, undefined, async (namespace) => {
    await createTopic(servers.admin, namespace.topic, PARTITIONS)
    const producer = await servers.connectProducer()
    const value = eventOf(GROUP_ID, 0, Date.now(), randomFrom(1), USUAL.traitsOf)
    await producer.send({ topic: namespace.topic, messages: [{ key: GROUP_ID, value }] })
    await producer.disconnect()
    return use(namespace)
  })
}

/** Starts our worker, calls `use` once the first event is in Redis, and stops the worker after. */
async function withStarted<T>(
  servers: Servers,
  namespace: Namespace,
  use: (worker: WorkerProcess, tookMs: number) => Promise<T>,
): Promise<T> {
  const prefix = `${namespace.keyPrefix}group:`
  const watcher = await watchKeys(servers, prefix, START_TIMEOUT_MS)
  const startedAt = performance.now()
  const worker = await startWorker('group-traits', servers, namespace)
  try {
    const seenAt = await watcher.waitFor(`${prefix}{${GROUP_ID}}`)
    await worker.check()
    if (seenAt === undefined) throw new Error('The first event was not merged within a minute')
    return await use(worker, seenAt - startedAt)
  } finally {
    watcher.close()
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
  { groupId, topic }: Namespace,
): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS
  while ((await committedRecords(admin, groupId, topic)) === 0) {
    if (performance.now() > deadline) throw new Error('The worker committed nothing for a minute')
    await delay(POLL_MS, undefined, { signal })
  }
}

/** Resolves once the group has a member. */
async function untilJoined({ admin, signal }: Servers, { groupId }: Namespace): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS
  for (;;) {
    const { groups } = await admin.describeGroups([groupId])
    if (groups[0]?.state === 'Stable') return
    if (performance.now() > deadline)
      throw new Error('The worker did not join its group within a minute')
    await delay(POLL_MS, undefined, { signal })
  }
}
