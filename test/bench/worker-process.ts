import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { BUILT_WORKER } from '../setup/worker/built-worker.ts'
import type { Place } from './place.ts'
import { cpuSecondsOf, peakMemoryMiBOf } from './process-facts.ts'
import type { Addresses } from './servers.ts'
import { linesThatMatter } from './worker-log.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const LOGS = join(ROOT, '.local/bench')
const REFERENCES = 'test/bench/references'

/** What is measured: the worker of this project, and what it is compared with. */
export const WORKERS = {
  'group-traits': BUILT_WORKER.args,
  pipelined: [`${REFERENCES}/pipelined.ts`],
  straightforward: [`${REFERENCES}/straightforward.ts`],
  fetch: [`${REFERENCES}/fetch.ts`],
  'fetch and parse': [`${REFERENCES}/fetch.ts`, '--parse'],
  'bare kafkajs': [`${REFERENCES}/bare.ts`],
} as const

export type WorkerName = keyof typeof WORKERS

/** A worker as a process of its own, as in production. */
export interface WorkerProcess {
  /** CPU seconds so far, user and system; NaN where there is no /proc. */
  cpuSeconds(): Promise<number>
  /** The most memory it has ever had, in MiB; NaN where there is no /proc. */
  peakMemoryMiB(): Promise<number>
  /** @throws with what its log tells of its end, if it has ended by itself */
  check(): Promise<void>
  /** Resolves once it has ended, after SIGTERM, or 15 s later SIGKILL. */
  stop(): Promise<void>
}

export async function startWorker(
  name: WorkerName,
  { kafkaBrokers, redisUrl }: Addresses,
  { topic, groupId, deadLetterTopic, keyPrefix }: Place,
): Promise<WorkerProcess> {
  await mkdir(LOGS, { recursive: true })
  const logFile = join(LOGS, `${groupId}.log`)
  const log = await open(logFile, 'w')
  const child = spawn(process.execPath, WORKERS[name], {
    cwd: ROOT,
    // not reached by a Ctrl-C in the terminal: it is to leave its group in good order
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
      const said = linesThatMatter(await readFile(logFile, 'utf8')).join('\n')
      throw new Error(`${how}; its log is ${relative(ROOT, logFile)}:\n${said}`)
    },
    async stop() {
      child.kill('SIGTERM')
      const killing = setTimeout(() => child.kill('SIGKILL'), 15_000)
      await ended
      clearTimeout(killing)
    },
  }
}

/** Those of earlier runs. */
export async function removeLogs(): Promise<void> {
  await rm(LOGS, { recursive: true, force: true })
}

/** A benchmark that is cut off leaves no worker behind. */
function endWithUs(child: ChildProcess): () => void {
  const end = () => void child.kill('SIGKILL')
  process.on('exit', end)
  return () => void process.off('exit', end)
}
