/**
 * The thread that `watchEventLoop` starts. When the event loop is stuck, it logs where, and ends
 * the process. It calls `process.exit` in the main thread if it can reach it, so that the exit code
 * is ours. Otherwise it sends SIGKILL. It does not send SIGABRT: a core dump would write traits and
 * passwords to the disk.
 *
 * In a container, node is usually the first process (PID 1), and Linux drops a SIGKILL that it sends
 * to itself. So there, a main thread that is stuck in native code is only logged. What helps is a
 * liveness probe on /healthz, or `docker run --init`, which makes another process PID 1.
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
const PAUSE_TIMEOUT_MS = 1000
/** After that, the process is killed in any case: writing the log may hang, too. */
const END_TIMEOUT_MS = 3000

let lastBeat = 0
let checksWithoutBeat = 0
const timer = setInterval(() => {
  const beat = Atomics.load(beats, 0)
  checksWithoutBeat = beat === lastBeat && beat !== 0 ? checksWithoutBeat + 1 : 0
  lastBeat = beat
  if (checksWithoutBeat * everyMs < limitMs) return
  clearInterval(timer)
  // If `end` fails, nothing else would end the process.
  end().catch(kill)
}, everyMs)

async function end(): Promise<void> {
  setTimeout(kill, END_TIMEOUT_MS)
  // Modules are loaded only now, so that the thread costs next to nothing until then.
  const { pauseMainThread } = await import('./main-thread.ts')
  const mainThread = await pauseMainThread(PAUSE_TIMEOUT_MS)
  await logStuck(mainThread?.stack)
  if (mainThread === undefined) kill()
  else mainThread.exit(FAILED)
}

function kill(): void {
  process.kill(process.pid, 'SIGKILL')
}

async function logStuck(stack: readonly string[] | undefined): Promise<void> {
  const { createLogger } = await import('../../telemetry/logger.ts')
  const lines: string[] = []
  createLogger(withFormat(logger), { write: (line) => lines.push(line) }).fatal(
    { blockedMs: limitMs, stack },
    `the event loop has been stuck for ${limitMs / 1000} s, ` +
      `${stack === undefined ? 'in native code or a system call' : `in ${stack[0]}`}: the process ends, so ` +
      'that it is restarted. Uncommitted batches will be redelivered',
  )
  await write(lines.join(''))
}

function withFormat({ level, format }: LoggerOptions): LoggerOptions {
  const autoFormat = isatty(STDOUT) ? 'pretty' : 'json'
  return { level, format: format === 'auto' ? autoFormat : format }
}

/** Writes asynchronously: a synchronous write to a pipe that nobody reads would block this thread, too. */
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
