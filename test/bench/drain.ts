import { setTimeout as delay } from 'node:timers/promises'
import { redisCpuSeconds, type Servers } from './servers.ts'
import { committedRecords } from './topic.ts'
import { type Place, startWorker, type WorkerName } from './worker-process.ts'

export interface Drain {
  readonly worker: WorkerName
  /** Records between the first and the last commit. */
  readonly records: number
  readonly recordsPerSecond: number
  /** CPU time for each record, in microseconds. */
  readonly nodeMicros: number
  readonly redisMicros: number
  readonly peakMemoryMiB: number
}

interface Moment {
  readonly committed: number
  readonly atMs: number
  readonly nodeSeconds: number
  readonly redisSeconds: number
}

const LOOK_EVERY_MS = 50
const STALLED_AFTER_MS = 60_000

/**
 * Lets a worker drain a topic that has been filled before, until `records` are committed, and
 * measures from its first commit to its last. So neither its start counts, nor what it does
 * before the first batch is done.
 */
export async function drain(
  name: WorkerName,
  servers: Servers,
  place: Place,
  records: number,
): Promise<Drain> {
  const worker = await startWorker(name, servers, place)
  const look = async (): Promise<Moment> => ({
    committed: await committedRecords(servers.admin, place.groupId, place.topic),
    atMs: performance.now(),
    nodeSeconds: await worker.cpuSeconds(),
    redisSeconds: await redisCpuSeconds(servers.redis),
  })
  try {
    let first: Moment | undefined
    let last = await look()
    while (last.committed < records) {
      await delay(LOOK_EVERY_MS)
      await worker.check()
      const now = await look()
      if (now.committed > last.committed) {
        first ??= now
        last = now
      } else if (now.atMs - last.atMs > STALLED_AFTER_MS) {
        throw new Error(`${name} committed nothing for a minute, at ${last.committed} records`)
      }
    }
    if (first === undefined || first.committed === last.committed) {
      throw new Error(`${name} committed everything at once: take more events`)
    }
    return { worker: name, ...between(first, last), peakMemoryMiB: await worker.peakMemoryMiB() }
  } finally {
    await worker.stop()
  }
}

function between(first: Moment, last: Moment) {
  const records = last.committed - first.committed
  return {
    records,
    recordsPerSecond: (records / (last.atMs - first.atMs)) * 1000,
    nodeMicros: ((last.nodeSeconds - first.nodeSeconds) / records) * 1e6,
    redisMicros: ((last.redisSeconds - first.redisSeconds) / records) * 1e6,
  }
}
