/**
 * Watches the event loop from another thread. A main thread that is stuck (in an endless loop, a
 * catastrophic regular expression, a call that does not return) cannot notice that itself.
 *
 * The main thread increments a shared counter once a second. The watching thread counts how many
 * checks in a row found the counter unchanged. It counts checks, not time: while the machine sleeps
 * or the process is stopped, neither thread runs.
 */
import { url as debuggerUrl } from 'node:inspector'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Log } from '../../pipeline/ports.ts'
import type { LoggerOptions } from '../../telemetry/logger.ts'

export interface EventLoopLimit {
  /** How long the event loop may be blocked. */
  readonly limitMs: number
  /** The interval at which one thread counts and the other one checks. */
  readonly everyMs: number
}

/** Far more than the pause of a garbage collection, and than any event takes (a second). */
const MIN_LIMIT_MS = 30_000
/** A lower bound for the speed of decoding. The measured speed is ten times as high. */
const MIN_BYTES_PER_MS = 4096

/** @param bytesAtOnce the most that is decoded without yielding to the event loop */
export function eventLoopLimit(bytesAtOnce: number): EventLoopLimit {
  return { limitMs: Math.max(MIN_LIMIT_MS, bytesAtOnce / MIN_BYTES_PER_MS), everyMs: 1000 }
}

/** What the watching thread receives. */
export interface WatcherData extends EventLoopLimit {
  /** One counter, which increases while the event loop runs. 0 means: do not watch now. */
  readonly beats: Int32Array<SharedArrayBuffer>
  /** How the watching thread writes its final log line. */
  readonly logger: LoggerOptions
}

/**
 * Starts the watching thread.
 *
 * @param logger how the watching thread writes its final log line
 * @returns a function that ends the watch
 */
export function watchEventLoop(
  { limitMs, everyMs }: EventLoopLimit,
  logger: LoggerOptions,
  log: Log,
): () => Promise<void> {
  const beats = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  let count = 0
  // A developer at a breakpoint must not be interrupted.
  const beat = () => Atomics.store(beats, 0, debuggerUrl() === undefined ? ++count : 0)
  beat()
  const timer = setInterval(beat, everyMs).unref()

  const script = new URL(`./event-loop-watcher-thread${extname(import.meta.url)}`, import.meta.url)
  const watcher = new Worker(script, {
    name: 'event-loop-watcher',
    workerData: { beats, limitMs, everyMs, logger } satisfies WatcherData,
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32 },
  })
  watcher.unref()
  watcher.on('error', (error) => log.error({ err: error }, 'the event loop is no longer watched'))
  return async () => {
    clearInterval(timer)
    await watcher.terminate()
  }
}
