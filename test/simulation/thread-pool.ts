/** Runs histories in worker threads. */
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker as Thread } from 'node:worker_threads'
import type { Mutation } from './mutation.ts'
import type { Verdict } from './simulate.ts'
import type { ThreadMessage, ThreadTask } from './thread.ts'

export interface RunOptions {
  readonly from: number
  readonly count: number
  readonly threads?: number
  readonly mutation?: Mutation
  /** Whether a thread stops early: after a few failures, or after many histories with one failure. */
  readonly stopsAtFailures?: boolean
  readonly onVerdict?: (verdict: Verdict) => void
}

/**
 * Runs `count` histories with the seeds from `from` on, spread over the threads.
 *
 * @returns one verdict per history, ordered by seed
 * @throws the error that a thread ended with
 */
export async function runHistories(options: RunOptions): Promise<Verdict[]> {
  const { from, count, threads = availableParallelism() } = options
  const seeds = Array.from({ length: count }, (_, index) => from + index)
  const shares = Array.from({ length: threads }, (_, thread) =>
    seeds.filter((_, index) => index % threads === thread),
  )
  const verdicts = await Promise.all(shares.map((share) => runThread(share, options)))
  return verdicts.flat().sort((a, b) => a.seed - b.seed)
}

async function runThread(seeds: readonly number[], options: RunOptions): Promise<Verdict[]> {
  const { mutation, stopsAtFailures = false, onVerdict } = options
  const task: ThreadTask = { seeds, mutation, stopsAtFailures }
  // without the flags of this process: the thread loads TypeScript by itself
  const thread = new Thread(new URL('./thread.ts', import.meta.url), {
    workerData: task,
    execArgv: [],
  })
  const verdicts: Verdict[] = []
  thread.on('message', (message: ThreadMessage) => {
    if (message.kind === 'planted') {
      if (message.times !== 1)
        throw new Error(`${mutation?.file} was loaded ${message.times} times`)
      return
    }
    verdicts.push(message.verdict)
    onVerdict?.(message.verdict)
  })
  await once(thread, 'exit')
  return verdicts
}
