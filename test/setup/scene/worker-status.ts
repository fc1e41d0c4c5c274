/** What a worker shows of itself: health, progress, and what it said. */
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../waiting.ts'
import type { WorkerProcess } from '../worker/worker-process.ts'

/** Resolves once the worker has finished another batch: it is in the middle of the work. */
export async function untilWorking(worker: WorkerProcess): Promise<void> {
  const before = await countBatches(worker)
  await until(
    `the worker works; it said ${story(worker)}`,
    async () => (await countBatches(worker)) > before,
    WORK_DEADLINE_MS,
  )
}

/** Resolves once the worker finishes nothing more, although it runs. */
export async function untilStuck(worker: WorkerProcess): Promise<void> {
  await until('the worker is stuck', async () => {
    const before = await countBatches(worker)
    await sleep(STUCK_MS)
    return (await countBatches(worker)) === before
  })
}

/** With a start of the process and a rebalance in it, on a machine that is busy with much else. */
const WORK_DEADLINE_MS = 60_000
/** Many times what a batch takes. */
const STUCK_MS = 400

async function countBatches(worker: WorkerProcess): Promise<number> {
  const { body } = await worker.get('/metrics')
  return Number(/^group_traits_batches_total (\d+)/m.exec(body)?.[1] ?? 0)
}

/** The status of /healthz and /readyz, and what the latter has to say of the parts not ready. */
export async function healthOf(worker: WorkerProcess) {
  const [healthz, readyz] = await Promise.all([worker.get('/healthz'), worker.get('/readyz')])
  const { parts } = JSON.parse(readyz.body) as { parts: { name: string; ok: boolean }[] }
  const notReady = parts.filter(({ ok }) => !ok).map(({ name }) => name)
  return { healthz: healthz.status, readyz: readyz.status, notReady }
}

export async function untilReady(
  worker: WorkerProcess,
  deadlineMs = WORK_DEADLINE_MS,
): Promise<void> {
  await until(
    `the worker is ready; it said ${story(worker)}`,
    async () => (await worker.get('/readyz')).status === 200,
    deadlineMs,
  )
}

/** The partitions that it was assigned last; undefined before it joined. */
export function partitionsOf(worker: WorkerProcess): readonly number[] | undefined {
  return worker.saying('joined the consumer group').at(-1)?.partitions as number[] | undefined
}

export function hasEnded({ child }: WorkerProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

/** What it said that an operator would look into: warnings, errors, and anything on stderr. */
export function complaintsOf({ lines }: WorkerProcess): string[] {
  return lines.filter(({ level }) => level !== 'info').map(({ level, msg }) => `${level}: ${msg}`)
}

export function story({ lines }: WorkerProcess): string {
  return lines.map(({ level, msg, detail }) => `\n${level} ${msg} ${detail ?? ''}`).join('')
}
