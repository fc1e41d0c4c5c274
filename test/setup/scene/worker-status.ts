/** What a worker process shows to the outside: health, progress, log. */
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../waiting.ts'
import type { WorkerProcess } from '../worker/worker-process.ts'

/** Resolves once the worker has finished another batch, so it is in the middle of its work. */
export async function untilWorking(worker: WorkerProcess): Promise<void> {
  const before = await countBatches(worker)
  await until(
    `the worker finishes a batch; its log: ${logOf(worker)}`,
    async () => (await countBatches(worker)) > before,
    WORK_TIMEOUT_MS,
  )
}

/** Resolves once the running worker finishes no more batches. */
export async function untilStuck(worker: WorkerProcess): Promise<void> {
  await until('the worker is stuck', async () => {
    const before = await countBatches(worker)
    await sleep(STUCK_MS)
    return (await countBatches(worker)) === before
  })
}

/** Includes a process start and a rebalance on a busy machine. */
const WORK_TIMEOUT_MS = 60_000
/** Many times the duration of a batch. */
const STUCK_MS = 400

async function countBatches(worker: WorkerProcess): Promise<number> {
  const { body } = await worker.get('/metrics')
  return Number(/^group_traits_batches_total (\d+)/m.exec(body)?.[1] ?? 0)
}

/** The statuses of /healthz and /readyz, and the names of the parts that are not ready. */
export async function healthOf(worker: WorkerProcess) {
  const [healthz, readyz] = await Promise.all([worker.get('/healthz'), worker.get('/readyz')])
  const { parts } = JSON.parse(readyz.body) as { parts: { name: string; ok: boolean }[] }
  const notReady = parts.filter(({ ok }) => !ok).map(({ name }) => name)
  return { healthz: healthz.status, readyz: readyz.status, notReady }
}

export async function untilReady(
  worker: WorkerProcess,
  timeoutMs = WORK_TIMEOUT_MS,
): Promise<void> {
  await until(
    `the worker is ready; its log: ${logOf(worker)}`,
    async () => (await worker.get('/readyz')).status === 200,
    timeoutMs,
  )
}

/** The partitions of its last assignment; undefined before it joined. */
export function partitionsOf(worker: WorkerProcess): readonly number[] | undefined {
  return worker.saying('joined the consumer group').at(-1)?.partitions as number[] | undefined
}

export function hasEnded({ child }: WorkerProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

/** Log lines above level info, and anything on stderr. */
export function warningsOf({ lines }: WorkerProcess): string[] {
  return lines
    .filter(({ level }) => level !== 'info' && level !== 'debug')
    .map(({ level, msg }) => `${level}: ${msg}`)
}

export function logOf({ lines }: WorkerProcess): string {
  return lines.map(({ level, msg, detail }) => `\n${level} ${msg} ${detail ?? ''}`).join('')
}
