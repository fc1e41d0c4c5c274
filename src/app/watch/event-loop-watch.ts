/**
 * Watches the event loop from another thread. A main thread that is stuck in an endless loop, a
 * regular expression gone wild or a call that does not return sees nothing of it itself.
 *
 * The main thread counts up a number that both share, once a second; the other one counts how
 * often in a row it found no change. Looks are counted, not time: where the machine slept or
 * the process was stopped, neither thread ran.
 */
import { url as debuggerUrl } from 'node:inspector'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Log } from '../../pipeline/ports.ts'
import type { LoggerOptions } from '../../telemetry/logger.ts'

export interface EventLoopLimit {
  /** How long the event loop may stand still. */
  readonly limitMs: number
  /** How often is counted and looked. */
  readonly everyMs: number
}

/** Far more than the pauses of a garbage collection, or than any event takes: a second. */
const LEAST_LIMIT_MS = 30_000
/** How much is decoded at least; ten times as much was measured. */
const LEAST_BYTES_PER_MS = 4096

/** @param bytesAtOnce the most that is decoded in one go */
export function eventLoopLimit(bytesAtOnce: number): EventLoopLimit {
  return { limitMs: Math.max(LEAST_LIMIT_MS, bytesAtOnce / LEAST_BYTES_PER_MS), everyMs: 1000 }
}

/** What the watching thread is given. */
export interface WatcherData extends EventLoopLimit {
  /** A count that goes up as long as the event loop turns; 0: not to be watched now. */
  readonly beats: Int32Array<SharedArrayBuffer>
  /** How its last words are to be written. */
  readonly logger: LoggerOptions
}

/**
 * @param logger how the watching thread is to write its last words
 * @returns what ends the watch
 */
export function watchEventLoop(
  { limitMs, everyMs }: EventLoopLimit,
  logger: LoggerOptions,
  log: Log,
): () => Promise<void> {
  const beats = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  let count = 0
  // somebody at a breakpoint is not to be hurried
  const beat = () => Atomics.store(beats, 0, debuggerUrl() === undefined ? ++count : 0)
  beat()
  const timer = setInterval(beat, everyMs).unref()

  const script = new URL(`./event-loop-watcher${extname(import.meta.url)}`, import.meta.url)
  const watcher = new Worker(script, {
    name: 'event-loop-watcher',
    workerData: { beats, limitMs, everyMs, logger } satisfies WatcherData,
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32 },
  })
  watcher.unref()
  watcher.on('error', (error) => log.error({ err: error }, 'the event loop is watched no more'))
  return async () => {
    clearInterval(timer)
    await watcher.terminate()
  }
}
