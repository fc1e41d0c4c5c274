import { setTimeout as delay } from 'node:timers/promises'
import type { Producer } from 'kafkajs'
import { randomFrom } from '../setup/random.ts'
import { type Appearances, watchKeys } from './appearance.ts'
import { eventOf } from './generator.ts'
import type { Place } from './place.ts'
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

/** So many events a second are probes: watched until they are in Redis. */
const PROBES_PER_SECOND = 100
/** Until the worker's code is warm: not counted. */
const WARM_UP_SECONDS = 3
export const GIVE_UP_AFTER_MS = 10_000
/** Of one request, where this process was kept from sending in time: a broker takes 1 MB. */
const MAX_MESSAGES = 1000
const PARTITIONS = 4
const GROUPS = 10_000

/**
 * The time from just before an event is handed to the producer until it can be read in Redis,
 * both by the clock of this process.
 *
 * Events are sent evenly; what is due by the millisecond goes in one request, from partition to
 * partition. A probe is of a group of its own, of whose key Redis tells. So a figure holds the
 * producer's part, and the broker's, too. A probe that never came counts as the longest wait.
 */
export async function measureLatency(
  name: WorkerName,
  servers: Servers,
  place: Place,
  load: LatencyLoad,
  onProgress: (seconds: number) => void,
): Promise<LatencyFigures> {
  await createTopic(servers.admin, place.topic, PARTITIONS)
  const producer = await servers.connectProducer()
  const prefix = `${place.keyPrefix}group:{probe-`
  const appearances = await watchKeys(servers, prefix, GIVE_UP_AFTER_MS)
  const worker = await startWorker(name, servers, place)
  try {
    const refusal = new AbortController()
    const onRefused = (error: unknown) => refusal.abort(error)
    const way: Way = {
      producer,
      appearances,
      place,
      interrupted: servers.signal,
      refused: refusal.signal,
      onRefused,
    }
    await Promise.all(send(way, [probe('first')], 0))
    const cpuBefore = process.cpuUsage()
    const { latencies, tookMs } = await sendAndWatch(way, load, onProgress)
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
    appearances.close()
  }
}

/** The way of an event, from end to end. */
interface Way {
  readonly producer: Producer
  readonly appearances: Appearances
  readonly place: Place
  readonly interrupted: AbortSignal
  /** Aborted once the broker refused a request. */
  readonly refused: AbortSignal
  readonly onRefused: (error: unknown) => void
}

interface Message {
  readonly groupId: string
  readonly isProbe: boolean
}

const probe = (name: string): Message => ({ groupId: `probe-${name}`, isProbe: true })

interface Watched {
  /** Of each probe, in milliseconds, in the order of sending; undefined: it never came. */
  readonly latencies: readonly (number | undefined)[]
  /** From the first event to the last. */
  readonly tookMs: number
}

async function sendAndWatch(
  way: Way,
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
    if (messages.length > 0) probes.push(...send(way, messages, requests++))
    onProgress(sent / eventsPerSecond)
    await delay(1, undefined, { signal: way.interrupted })
    way.refused.throwIfAborted()
  }
  const tookMs = performance.now() - startedAt
  const latencies = await Promise.all(probes)
  way.refused.throwIfAborted()
  return { latencies, tookMs }
}

/** Sends messages in one request; returns the latencies of the probes among them. */
function send(
  { producer, appearances, place, onRefused }: Way,
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
  producer.send({ topic: place.topic, messages: records }).catch(onRefused)
  return messages
    .filter(({ isProbe }) => isProbe)
    .map(async ({ groupId }) => {
      const seenAt = await appearances.of(`${place.keyPrefix}group:{${groupId}}`)
      return seenAt === undefined ? undefined : seenAt - sentAt
    })
}
