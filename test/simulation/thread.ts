/** The worker thread that runs histories, with or without a bug planted in the source. */
import { registerHooks } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import { type Mutation, mutate } from './mutation.ts'
import type { Verdict } from './simulate.ts'

export interface ThreadTask {
  readonly seeds: readonly number[]
  readonly mutation: Mutation | undefined
  /** Whether it stops after A_FEW failures, or after MANY histories with at least one failure. */
  readonly stopsAtFailures: boolean
}

export type ThreadMessage =
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'planted'; readonly times: number }

const { seeds, mutation, stopsAtFailures } = workerData as ThreadTask
const A_FEW = 3
const MANY = 200
Error.stackTraceLimit = 3
let planted = 0
if (mutation !== undefined) {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      if (!url.endsWith(mutation.file)) return loaded
      planted++
      return { ...loaded, source: mutate(String(loaded.source), mutation) }
    },
  })
}
const { simulate } = await import('./simulate.ts')
if (mutation !== undefined) post({ kind: 'planted', times: planted })
let failures = 0
for (const [index, seed] of seeds.entries()) {
  const verdict = await simulate(seed)
  post({ kind: 'verdict', verdict })
  if (verdict.violation !== undefined) failures++
  if (stopsAtFailures && (failures >= A_FEW || (failures > 0 && index > MANY))) break
}

function post(message: ThreadMessage): void {
  parentPort?.postMessage(message)
}
