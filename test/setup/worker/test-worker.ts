import { onTestFinished } from 'vitest'
import type { Environment } from '../cli/command-line.ts'
import { spawnWorker, type WorkerProcess } from './worker-process.ts'

export type { LogLine, WorkerProcess } from './worker-process.ts'

/** Starts a worker process that is killed when its test finishes. */
export function startWorker(environment: Environment): WorkerProcess {
  const worker = spawnWorker(environment)
  onTestFinished(async () => {
    await worker.end('SIGKILL')
  })
  return worker
}
