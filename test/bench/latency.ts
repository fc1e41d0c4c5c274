import { setTimeout as delay } from 'node:timers/promises'
import type { Producer } from 'kafkajs'
import { randomFrom } from '../setup/random.ts'
import { eventOf } from './generator.ts'
import { type KeyWatcher, watchKeys } from './key-watcher.ts'
import type { Namespace } from './namespace.ts'
import { quantile } from './quantiles.ts'
import type { Figures } from './results.ts'
import type { Servers } from './servers.ts'
import { createTopic } from './topic.ts'
import { startWorker, type WorkerName } from './worker-process.ts'
import { USUAL } from './workloads.ts'

interface LatencyLoad {
  readonly eventsPerSecond: number
  readonly seconds: number
}

export type LatencyFigures = Figures & Required<Pick<Figures, 'p50Ms' | 'p99Ms' | 'maxMs'>>

/** Events per second that are probes: the benchmark waits until they are in Redis. */
const PROBES_PER_SECOND = 100
/** Not measured, as the worker's code is not yet compiled. */
const WARM_UP_SECONDS = 3
export const GIVE_UP_AFTER_MS = 10_000
/** The most messages in one request, if this process is late: a broker accepts 1 MB. */
const MAX_MESSAGES = 1000
const PARTITIONS = 4
const GROUPS = 10_000

/**
 * Measures the time from just before an event is passed to the producer until it can be read in
 * Redis, both by the clock of this process. So it includes the latency of producer and broker.
 *
 * Events are sent at an even rate: those that are due in the same millisecond go in one request,
 * the next request to the next partition. Each probe has its own group, and Redis notifies us when
 * the group's key is written. A probe that is never seen counts as the longest wait.
 */
export async function measureLatency(
  name: WorkerName,
  servers: Servers,
  namespace: Namespace,
  load: LatencyLoad,
  onProgress: (seconds: number) => void,
): Promise<LatencyFigures> {
  await createTopic(servers.admin, namespace.topic, PARTITIONS)
  const producer = await servers.connectProducer()
  const prefix = `${namespace.keyPrefix}group:{probe-`
  const watcher = await watchKeys(servers, prefix, GIVE_UP_AFTER_MS)
  const worker = await startWorker(name, servers, namespace)
  try {
    const failure = new AbortController()
    const path: EventPath = {
      producer,
      watcher,
      namespace,
      interrupted: servers.signal,
      failed: failure.signal,
      onFailed: (error) => failure.abort(error),
    }
    await Promise.all(send(path, [probe('first')], 0))
    const cpuBefore = process.cpuUsage()
    const { latencies, tookMs } = await sendAndWatch(path, load, onProgress)
    const { user, system } = process.cpuUsage(cpuBefore)
    await worker.check()
    const counted = latencies.slice(WARM_UP_SECONDS * PROBES_PER_SECOND)
    const waits = counted.map((latency) => latency ?? GIVE_UP_AFTER_MS)
    const sent = (WARM_UP_SECONDS + load.seconds) * load.eventsPerSecond
    return {
      count: counted.length,
      unseen: counted.filter((latency) => latency === undefined).length,
      p50Ms: quantile(waits, 0.5),
      p99Ms: quantile(waits, 0.99),
      maxMs: quantile(waits, 1),
      sentPerSecond: (sent / tookMs) * 1000,
      benchCpuShare: (user + system) / 1000 / tookMs,
      peakMemoryMiB: await worker.peakMemoryMiB(),
    }
  } finally {
    await worker.stop()
    await producer.disconnect()
    watcher.close()
  }
}

/** What an event passes through, from the producer to Redis. */
interface EventPath {
  readonly producer: Producer
  readonly watcher: KeyWatcher
  readonly namespace: Namespace
  readonly interrupted: AbortSignal
  /** Aborted once a request to produce has failed. */
  readonly failed: AbortSignal
  readonly onFailed: (error: unknown) => void
}

interface Message {
  readonly groupId: string
  readonly isProbe: boolean
}

const probe = (name: string): Message => ({ groupId: `probe-${name}`, isProbe: true })

interface Watched {
  /** The latency of each probe in milliseconds, in the order of sending; undefined: never seen. */
  readonly latencies: readonly (number | undefined)[]
  /** From the first event sent to the last. */
  readonly tookMs: number
}

async function sendAndWatch(
  path: EventPath,
  { eventsPerSecond, seconds }: LatencyLoad,
  onProgress: (seconds: number) => void,
): Promise<Watched> {
  const count = (WARM_UP_SECONDS + seconds) * eventsPerSecond
  const probeEvery = eventsPerSecond / PROBES_PER_SECOND
  const random = randomFrom(1)
  const probes: Promise<number | undefined>[] = []
  const startedAt = performance.now()
  let [sent, requests] = [0, 0]
  while (sent < count) {
    const due = Math.floor(((performance.now() - startedAt) * eventsPerSecond) / 1000)
    const messages: Message[] = []
    for (; sent < Math.min(due, count) && messages.length < MAX_MESSAGES; sent++) {
      const isProbe = sent % probeEvery === 0
      const groupId = `group-${Math.floor(random() * GROUPS)}`
      messages.push(isProbe ? probe(`${sent}`) : { groupId, isProbe })
    }
    if (messages.length > 0) probes.push(...send(path, messages, requests++))
    onProgress(sent / eventsPerSecond)
    await delay(1, undefined, { signal: path.interrupted })
    path.failed.throwIfAborted()
  }
  const tookMs = performance.now() - startedAt
  const latencies = await Promise.all(probes)
  path.failed.throwIfAborted()
  return { latencies, tookMs }
}

/** Sends messages in one request; returns the latencies of the probes among them. */
function send(
  { producer, watcher, namespace, onFailed }: EventPath,
  messages: readonly Message[],
  request: number,
): Promise<number | undefined>[] {
  const random = randomFrom(request)
  const records = messages.map(({ groupId }) => ({
    key: groupId,
    value: eventOf(groupId, 1, Date.now(), random, USUAL.traitsOf),
    partition: request % PARTITIONS,
  }))
  const sentAt = performance.now()
  producer.send({ topic: namespace.topic, messages: records }).catch(onFailed)
  return messages
    .filter(({ isProbe }) => isProbe)
    .map(async ({ groupId }) => {
      const seenAt = await watcher.waitFor(`${namespace.keyPrefix}group:{${groupId}}`)
      return seenAt === undefined ? undefined : seenAt - sentAt
    })
}
