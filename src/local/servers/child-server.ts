/**
 * A server as a child process: starting -> ready -> stopping -> ended. It may end by itself in any
 * state. It ends when it is stopped, and when this process ends, even if it is killed. It has a
 * process group of its own, so that a Ctrl-C in the terminal does not reach it.
 */

import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { guardGroup } from './guard.ts'
import { StackFailed } from './stack-failed.ts'

export interface ServerCommand {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  /** Gets the output of the server; truncated at every start. */
  readonly logFile: string
  /** The text in its output that says that it is ready. */
  readonly readyLine: string
}

export interface ChildServer {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  /** Resolves once it has ended, with how: `with code 1`, `by SIGKILL`. */
  readonly ended: Promise<string>
  /** Resolves once it is ready. @throws StackFailed, with the end of its log */
  ready(signal?: AbortSignal): Promise<void>
  /** Ends it by SIGTERM, and by SIGKILL if it does not end in time. */
  stop(): Promise<void>
}

const startTimeoutMs = 60_000
const stopTimeoutMs = 5_000
const pollMs = 30

/** Starts the server; `ready` waits for it. @throws StackFailed if the command cannot be run */
export async function startChildServer(server: ServerCommand): Promise<ChildServer> {
  const { command, args, cwd, logFile } = server
  const log = openSync(logFile, 'w')
  const child = spawn(command, args, { cwd, detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (cause) =>
      reject(new StackFailed(`${server.name} cannot be run: ${cause.message}`, { cause })),
    )
  })
  const pid = child.pid as number
  const guard = guardGroup(pid)
  child.unref()

  let howEnded: string | undefined
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      guard.dismiss()
      howEnded = signal ? `by ${signal}` : `with code ${code}`
      resolve(howEnded)
    })
  })
  return {
    name: server.name,
    pid,
    logFile,
    ended,
    ready: (signal) => waitUntilReady(server, () => howEnded, signal),
    async stop() {
      if (howEnded !== undefined) return
      child.ref()
      child.kill('SIGTERM')
      const killTimer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs)
      await ended
      clearTimeout(killTimer)
    },
  }
}

async function waitUntilReady(
  { name, logFile, readyLine }: ServerCommand,
  howEnded: () => string | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const deadline = performance.now() + startTimeoutMs
  for (;;) {
    signal?.throwIfAborted()
    const how = howEnded()
    const log = await readFile(logFile, 'utf8')
    if (how !== undefined) throw new StackFailed(`${name} ended ${how}.${endOf(log, logFile)}`)
    if (log.includes(readyLine)) return
    if (performance.now() > deadline) {
      throw new StackFailed(
        `${name} did not start within ${startTimeoutMs / 1000} s.${endOf(log, logFile)}`,
      )
    }
    await sleep(pollMs)
  }
}

/** Returns the last lines of a log, without stack traces of Java, as part of a message. */
function endOf(log: string, logFile: string): string {
  const lines = log.split('\n').filter((line) => line.trim() !== '' && !/^\s+at /.test(line))
  const end = lines.slice(-10).map((line) => `\n  ${line}`)
  return ` Its log ${logFile} ends with:${end.join('')}`
}
