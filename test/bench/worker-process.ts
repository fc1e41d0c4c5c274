import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, open, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Servers } from './servers.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const LOGS = join(ROOT, '.local/bench')

/** What is measured: the worker of this project, or the one that anybody would write first. */
export const WORKERS = {
  'group-traits': ['--max-semi-space-size=8', 'dist/main.js', 'worker'],
  straightforward: ['test/bench/straightforward.ts'],
} as const

export type WorkerName = keyof typeof WORKERS

/** Where a worker reads and writes: nobody else does there. */
export interface Place {
  readonly topic: string
  readonly groupId: string
  readonly keyPrefix: string
}

/** A worker as a process of its own, as in production. */
export interface WorkerProcess {
  /** CPU seconds so far, user and system; NaN where there is no /proc. */
  cpuSeconds(): Promise<number>
  /** The most memory it has ever had, in MiB; NaN where there is no /proc. */
  peakMemoryMiB(): Promise<number>
  /** @throws with the end of its log, if it has ended by itself */
  check(): Promise<void>
  stop(): Promise<void>
}

export async function startWorker(
  name: WorkerName,
  { kafkaBrokers, redisUrl }: Pick<Servers, 'kafkaBrokers' | 'redisUrl'>,
  { topic, groupId, keyPrefix }: Place,
): Promise<WorkerProcess> {
  await mkdir(LOGS, { recursive: true })
  const logFile = join(LOGS, `${groupId}.log`)
  const log = await open(logFile, 'w')
  const child = spawn(process.execPath, WORKERS[name], {
    cwd: ROOT,
    stdio: ['ignore', log.fd, log.fd],
    env: {
      ...process.env,
      KAFKA_BROKERS: kafkaBrokers.join(','),
      KAFKA_TOPIC: topic,
      KAFKA_GROUP_ID: groupId,
      REDIS_URL: redisUrl,
      REDIS_GROUP_PREFIX: `${keyPrefix}group:`,
      REDIS_USER_PREFIX: `${keyPrefix}user:`,
      HTTP_PORT: '0',
      LOG_FORMAT: 'json',
    },
  })
  await log.close()
  const ended = once(child, 'exit')

  return {
    cpuSeconds: () => cpuSeconds(child),
    peakMemoryMiB: () => peakMemoryMiB(child),
    async check() {
      if (child.exitCode === null && child.signalCode === null) return
      const tail = (await readFile(logFile, 'utf8')).trimEnd().split('\n').slice(-10).join('\n')
      throw new Error(`The worker ended (${child.exitCode ?? child.signalCode}):\n${tail}`)
    },
    async stop() {
      child.kill('SIGTERM')
      const killing = setTimeout(() => child.kill('SIGKILL'), 15_000)
      await ended
      clearTimeout(killing)
    },
  }
}

const CLOCK_TICKS_PER_SECOND = 100

async function cpuSeconds({ pid }: ChildProcess): Promise<number> {
  const stat = await procFile(pid, 'stat')
  // behind the program's name, which may hold anything: fields 14 and 15 are user and system
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND
}

async function peakMemoryMiB({ pid }: ChildProcess): Promise<number> {
  const status = await procFile(pid, 'status')
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1024
}

/** Empty where there is no such file: on another system than Linux, or after the end. */
async function procFile(pid: number | undefined, name: string): Promise<string> {
  try {
    return await readFile(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return ''
  }
}
