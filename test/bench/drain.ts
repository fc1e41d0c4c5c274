import { setTimeout as delay } from 'node:timers/promises'
import type { Namespace } from './namespace.ts'
import type { Figures } from './results.ts'
import type { Servers } from './servers.ts'
import { committedRecords } from './topic.ts'
import { startWorker, type WorkerName, type WorkerProcess } from './worker-process.ts'

/** The figures of one drain. */
export type DrainFigures = Figures & Required<Pick<Figures, 'eventsPerSecond' | 'count'>>

/** The counters at one time. */
interface Sample {
  readonly committed: number
  readonly atMs: number
  readonly nodeSeconds: number
  readonly redisSeconds: number
  readonly kafkaSeconds: number
}

const POLL_MS = 50
const STALLED_AFTER_MS = 60_000

/**
 * Starts a worker on a filled topic, waits until `records` are committed, and measures from its
 * first commit to its last. So neither its start nor its first batch is measured.
 *
 * @throws Error if everything was committed between two polls, or nothing for a minute
 */
export async function drain(
  name: WorkerName,
  servers: Servers,
  namespace: Namespace,
  records: number,
  onProgress: (committed: number) => void,
): Promise<DrainFigures> {
  const worker = await startWorker(name, servers, namespace)
  try {
    let first: Sample | undefined
    let last: Sample | undefined
    let committedAtMs = performance.now()
    while (last === undefined || last.committed < records) {
      await delay(POLL_MS, undefined, { signal: servers.signal })
      await worker.check()
      const committed = await committedRecords(servers.admin, namespace.groupId, namespace.topic)
      const atMs = performance.now()
      if (committed > (last?.committed ?? 0)) {
        last = await takeSample(servers, worker, committed, atMs)
        first ??= last
        committedAtMs = atMs
        onProgress(committed)
      } else if (atMs - committedAtMs > STALLED_AFTER_MS) {
        throw new Error(`${name} committed nothing for a minute, after ${last?.committed} records`)
      }
    }
    if (first === undefined || first.committed === last.committed) {
      throw new Error(`${name} committed everything at once: use more events (--events)`)
    }
    return { ...between(first, last), peakMemoryMiB: await worker.peakMemoryMiB() }
  } finally {
    await worker.stop()
  }
}

async function takeSample(
  servers: Servers,
  worker: WorkerProcess,
  committed: number,
  atMs: number,
): Promise<Sample> {
  const [nodeSeconds, redisSeconds, kafkaSeconds] = await Promise.all([
    worker.cpuSeconds(),
    servers.redisCpuSeconds(),
    servers.kafkaCpuSeconds(),
  ])
  return { committed, atMs, nodeSeconds, redisSeconds, kafkaSeconds }
}

function between(first: Sample, last: Sample): DrainFigures {
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
