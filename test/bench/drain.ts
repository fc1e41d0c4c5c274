import { setTimeout as delay } from 'node:timers/promises'
import type { Place } from './place.ts'
import type { Figures } from './results.ts'
import type { Servers } from './servers.ts'
import { committedRecords } from './topic.ts'
import { startWorker, type WorkerName, type WorkerProcess } from './worker-process.ts'

/** What a drain found. */
export type DrainFigures = Figures & Required<Pick<Figures, 'eventsPerSecond' | 'count'>>

interface Moment {
  readonly committed: number
  readonly atMs: number
  readonly nodeSeconds: number
  readonly redisSeconds: number
  readonly kafkaSeconds: number
}

const LOOK_EVERY_MS = 50
const STALLED_AFTER_MS = 60_000

/**
 * Lets a worker drain a topic that has been filled before, until `records` are committed, and
 * measures from its first commit to its last. So neither its start counts, nor what it does
 * before the first batch is done.
 *
 * @throws where all was committed between two looks, or nothing for a minute
 */
export async function drain(
  name: WorkerName,
  servers: Servers,
  place: Place,
  records: number,
  onProgress: (committed: number) => void,
): Promise<DrainFigures> {
  const worker = await startWorker(name, servers, place)
  try {
    let first: Moment | undefined
    let last: Moment | undefined
    let movedAtMs = performance.now()
    while (last === undefined || last.committed < records) {
      await delay(LOOK_EVERY_MS, undefined, { signal: servers.signal })
      await worker.check()
      const committed = await committedRecords(servers.admin, place.groupId, place.topic)
      const atMs = performance.now()
      if (committed > (last?.committed ?? 0)) {
        last = await momentOf(servers, worker, committed, atMs)
        first ??= last
        movedAtMs = atMs
        onProgress(committed)
      } else if (atMs - movedAtMs > STALLED_AFTER_MS) {
        throw new Error(`${name} committed nothing for a minute, at ${last?.committed} records`)
      }
    }
    if (first === undefined || first.committed === last.committed) {
      throw new Error(`${name} committed everything at once: take more events`)
    }
    return { ...between(first, last), peakMemoryMiB: await worker.peakMemoryMiB() }
  } finally {
    await worker.stop()
  }
}

async function momentOf(
  servers: Servers,
  worker: WorkerProcess,
  committed: number,
  atMs: number,
): Promise<Moment> {
  const [nodeSeconds, redisSeconds, kafkaSeconds] = await Promise.all([
    worker.cpuSeconds(),
    servers.redisCpuSeconds(),
    servers.kafkaCpuSeconds(),
  ])
  return { committed, atMs, nodeSeconds, redisSeconds, kafkaSeconds }
}

function between(first: Moment, last: Moment): DrainFigures {
  const count = last.committed - first.committed
  const micros = (of: 'nodeSeconds' | 'redisSeconds' | 'kafkaSeconds') =>
    ((last[of] - first[of]) / count) * 1e6
  return {
    count,
    eventsPerSecond: (count / (last.atMs - first.atMs)) * 1000,
    nodeMicros: micros('nodeSeconds'),
    redisMicros: micros('redisSeconds'),
    kafkaMicros: micros('kafkaSeconds'),
  }
}
