/**
 * The thread of `watchEventLoop`. Where the event loop is stuck it says so, and where, and ends
 * the process: by `process.exit` in the main thread if that can be reached, so that the exit
 * code is ours, else by SIGKILL. Not by SIGABRT: a dump of the memory would put traits and
 * passwords on the disk.
 */
import { write as writeWithCallback } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isatty } from 'node:tty'
import { promisify } from 'node:util'
import { workerData } from 'node:worker_threads'
import type { LoggerOptions } from '../../telemetry/logger.ts'
import type { WatcherData } from './event-loop-watch.ts'

const { beats, limitMs, everyMs, logger } = workerData as WatcherData

const FAILED = 1
const STDOUT = 1
const PAUSE_DEADLINE_MS = 1000
/** Ends by then in any case: the log, too, may be what is stuck. */
const END_DEADLINE_MS = 3000

let seen = 0
let looksInVain = 0
const timer = setInterval(() => {
  const beat = Atomics.load(beats, 0)
  looksInVain = beat === seen && beat !== 0 ? looksInVain + 1 : 0
  seen = beat
  if (looksInVain * everyMs < limitMs) return
  clearInterval(timer)
  // nobody else would end the process
  end().catch(kill)
}, everyMs)

async function end(): Promise<void> {
  setTimeout(kill, END_DEADLINE_MS)
  // loaded now only: until then the thread is to cost next to nothing
  const { pauseMainThread } = await import('./main-thread.ts')
  const mainThread = await pauseMainThread(PAUSE_DEADLINE_MS)
  await say(mainThread?.stack)
  if (mainThread === undefined) kill()
  else mainThread.exit(FAILED)
}

function kill(): void {
  process.kill(process.pid, 'SIGKILL')
}

async function say(stack: readonly string[] | undefined): Promise<void> {
  const { createLogger } = await import('../../telemetry/logger.ts')
  const lines: string[] = []
  createLogger(formatted(logger), { write: (line) => lines.push(line) }).fatal(
    { blockedMs: limitMs, stack },
    `the event loop has been stuck for ${limitMs / 1000} s, ` +
      `${stack === undefined ? 'in a call to the system' : `in ${stack[0]}`}: ended, to be ` +
      'started again. What was in hand will be delivered again',
  )
  await write(lines.join(''))
}

function formatted({ level, format }: LoggerOptions): LoggerOptions {
  const fitting = isatty(STDOUT) ? 'pretty' : 'json'
  return { level, format: format === 'auto' ? fitting : format }
}

/** Not synchronously: a pipe that nobody reads would stop this thread as well. */
async function write(text: string): Promise<void> {
  for (let rest = Buffer.from(text); rest.length > 0; ) {
    try {
      const { bytesWritten } = await promisify(writeWithCallback)(STDOUT, rest)
      rest = rest.subarray(bytesWritten)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
      await sleep(20)
    }
  }
}
