import { setTimeout as delay } from 'node:timers/promises'
import type { Producer } from 'kafkajs'
import { watchKeys } from './appearance.ts'
import { eventOf, randomFrom } from './generator.ts'
import type { Servers } from './servers.ts'
import { createTopic } from './topic.ts'
import { type Place, startWorker, type WorkerName } from './worker-process.ts'

export interface Latency {
  readonly worker: WorkerName
  readonly eventsPerSecond: number
  /** How many events were watched. */
  readonly probes: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

const EVENTS_PER_SECOND = 1000
/** One event in so many is a probe. */
const PROBE_EVERY = 10
/** Until the worker's code is warm: not counted. */
const WARM_UP_SECONDS = 3
const GIVE_UP_AFTER_MS = 10_000
const PARTITIONS = 4

/**
 * The time from just before an event is handed to the producer until it can be read in Redis,
 * both by the clock of this process.
 *
 * A thousand single events a second are sent, evenly. Every tenth is a probe: it is of a group
 * of its own, whose key is asked for until it is there. So a figure is too high by one round
 * trip to Redis at most, and holds the producer's part, and the broker's, too.
 */
export async function measureLatency(
  name: WorkerName,
  servers: Servers,
  place: Place,
  seconds: number,
): Promise<Latency> {
  await createTopic(servers.admin, place.topic, PARTITIONS)
  const producer = await servers.connectProducer()
  const worker = await startWorker(name, servers, place)
  try {
    const way: Way = {
      producer,
      appearance: watchKeys(servers.redis, GIVE_UP_AFTER_MS),
      place,
    }
    await arrival(way, 'first')
    const latencies = await sendAndWatch(way, (WARM_UP_SECONDS + seconds) * EVENTS_PER_SECOND)
    await worker.check()
    const counted = latencies
      .slice((WARM_UP_SECONDS * EVENTS_PER_SECOND) / PROBE_EVERY)
      .sort((a, b) => a - b)
    const quantile = (q: number) => counted[Math.ceil(q * counted.length) - 1] ?? Number.NaN
    return {
      worker: name,
      eventsPerSecond: EVENTS_PER_SECOND,
      probes: counted.length,
      p50Ms: quantile(0.5),
      p99Ms: quantile(0.99),
      maxMs: quantile(1),
    }
  } finally {
    await worker.stop()
    await producer.disconnect()
  }
}

/** The way of an event, from end to end. */
interface Way {
  readonly producer: Producer
  /** When a key was first seen in Redis. */
  readonly appearance: (key: string) => Promise<number>
  readonly place: Place
}

/** Sends `count` events at their times; resolves with the latency of each probe, in order. */
async function sendAndWatch(way: Way, count: number): Promise<number[]> {
  const random = randomFrom(1)
  const probes: Promise<number>[] = []
  const others: Promise<unknown>[] = []
  const startedAt = performance.now()
  for (let sent = 0; sent < count; ) {
    const due = Math.floor(((performance.now() - startedAt) * EVENTS_PER_SECOND) / 1000)
    for (; sent < Math.min(due, count); sent++) {
      if (sent % PROBE_EVERY === 0) probes.push(arrival(way, `probe-${sent}`))
      else others.push(send(way, `group-${Math.floor(random() * 10_000)}`))
    }
    await delay(1)
  }
  await Promise.all(others)
  return Promise.all(probes)
}

/** Sends an event of a group not seen before; resolves with the time until it is in Redis. */
async function arrival(way: Way, groupId: string): Promise<number> {
  const sentAt = performance.now()
  const sent = send(way, groupId)
  const seenAt = await way.appearance(`${way.place.keyPrefix}group:{${groupId}}`)
  await sent
  return seenAt - sentAt
}

function send({ producer, place }: Way, groupId: string): Promise<unknown> {
  const value = eventOf(groupId, 1, Date.now(), Math.random)
  return producer.send({ topic: place.topic, messages: [{ key: groupId, value }] })
}
