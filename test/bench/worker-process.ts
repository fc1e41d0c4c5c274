import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { BUILT_WORKER } from '../setup/worker/built-worker.ts'
import type { Namespace } from './namespace.ts'
import { cpuSecondsOf, peakMemoryMiBOf } from './process-stats.ts'
import type { Addresses } from './servers.ts'
import { relevantLines } from './worker-log.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const LOGS = join(ROOT, '.local/bench')
const REFERENCES = 'test/bench/references'

/** The arguments of Node for each worker: ours, and the references it is compared with. */
export const WORKERS = {
  'group-traits': BUILT_WORKER.args,
  pipelined: [`${REFERENCES}/pipelined.ts`],
  straightforward: [`${REFERENCES}/straightforward.ts`],
  fetch: [`${REFERENCES}/fetch.ts`],
  'fetch and parse': [`${REFERENCES}/fetch.ts`, '--parse'],
  'bare kafkajs': [`${REFERENCES}/bare.ts`],
} as const

export type WorkerName = keyof typeof WORKERS

/** A worker that runs as its own process, as in production. */
export interface WorkerProcess {
  /** CPU seconds so far, user and system; NaN where there is no /proc. */
  cpuSeconds(): Promise<number>
  /** The peak resident memory, in MiB; NaN where there is no /proc. */
  peakMemoryMiB(): Promise<number>
  /** @throws Error with the relevant lines of its log, if it has ended by itself */
  check(): Promise<void>
  /** Sends SIGTERM, and SIGKILL 15 s later; resolves once it has ended. */
  stop(): Promise<void>
}

export async function startWorker(
  name: WorkerName,
  { kafkaBrokers, redisUrl }: Addresses,
  { topic, groupId, deadLetterTopic, keyPrefix }: Namespace,
): Promise<WorkerProcess> {
  await mkdir(LOGS, { recursive: true })
  const logFile = join(LOGS, `${groupId}.log`)
  const log = await open(logFile, 'w')
  const child = spawn(process.execPath, WORKERS[name], {
    cwd: ROOT,
    // a Ctrl-C in the terminal must not reach it: we stop it, so that it leaves its group
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: {
      ...process.env,
      ...(name === 'group-traits' && BUILT_WORKER.environment),
      KAFKA_BROKERS: kafkaBrokers.join(','),
      KAFKA_TOPIC: topic,
      KAFKA_GROUP_ID: groupId,
      KAFKA_DEAD_LETTER_TOPIC: deadLetterTopic,
      REDIS_URL: redisUrl,
      REDIS_GROUP_PREFIX: `${keyPrefix}group:`,
      REDIS_USER_PREFIX: `${keyPrefix}user:`,
      HTTP_PORT: '0',
      LOG_FORMAT: 'json',
    },
  })
  const release = endWithUs(child)
  await log.close()
  const ended = once(child, 'exit')
  ended.then(release)

  return {
    cpuSeconds: () => cpuSecondsOf(child.pid),
    peakMemoryMiB: () => peakMemoryMiBOf(child.pid),
    async check() {
      if (child.exitCode === null && child.signalCode === null) return
      const how = `${name} ended (${child.exitCode ?? child.signalCode})`
      const lines = relevantLines(await readFile(logFile, 'utf8')).join('\n')
      throw new Error(`${how}; its log is ${relative(ROOT, logFile)}:\n${lines}`)
    },
    async stop() {
      child.kill('SIGTERM')
      const killing = setTimeout(() => child.kill('SIGKILL'), 15_000)
      await ended
      clearTimeout(killing)
    },
  }
}

/** Removes the logs of earlier runs. */
export async function removeLogs(): Promise<void> {
  await rm(LOGS, { recursive: true, force: true })
}

/** Kills the worker if the benchmark exits first. Returns the function that undoes this. */
function endWithUs(child: ChildProcess): () => void {
  const end = () => void child.kill('SIGKILL')
  process.on('exit', end)
  return () => void process.off('exit', end)
}
