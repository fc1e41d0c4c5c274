/**
 * A server as a child process in a process group of its own, so that a Ctrl-C in the terminal
 * does not reach it. It ends when it is stopped, or with this process: starting -> ready ->
 * stopping -> ended; `ended` may follow at any time.
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
  /** Holds what the server says from this start on. */
  readonly logFile: string
  /** What it says once it serves. */
  readonly readyLine: string
}

export interface ChildServer {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  /** Resolves with how it ended. */
  readonly ended: Promise<string>
  /** Resolves once it serves. @throws StackFailed, with the end of its log */
  ready(signal?: AbortSignal): Promise<void>
  /** SIGTERM, and SIGKILL for one that does not end in time. */
  stop(): Promise<void>
}

const startDeadlineMs = 60_000
const stopDeadlineMs = 5_000
const pollMs = 30

/** @throws StackFailed where the command cannot be run */
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

  let fate: string | undefined
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      guard.dismiss()
      fate = signal ? `by ${signal}` : `with code ${code}`
      resolve(fate)
    })
  })
  return {
    name: server.name,
    pid,
    logFile,
    ended,
    ready: (signal) => becomeReady(server, () => fate, signal),
    async stop() {
      if (fate !== undefined) return
      child.ref()
      child.kill('SIGTERM')
      const late = setTimeout(() => child.kill('SIGKILL'), stopDeadlineMs)
      await ended
      clearTimeout(late)
    },
  }
}

async function becomeReady(
  { name, logFile, readyLine }: ServerCommand,
  fate: () => string | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const deadline = performance.now() + startDeadlineMs
  for (;;) {
    signal?.throwIfAborted()
    const how = fate()
    const log = await readFile(logFile, 'utf8')
    if (how !== undefined) throw new StackFailed(`${name} ended ${how}.${endOf(log, logFile)}`)
    if (log.includes(readyLine)) return
    if (performance.now() > deadline) {
      throw new StackFailed(
        `${name} did not start within ${startDeadlineMs / 1000} s.${endOf(log, logFile)}`,
      )
    }
    await sleep(pollMs)
  }
}

/** The last lines of a log, without the stack traces of Java. */
function endOf(log: string, logFile: string): string {
  const lines = log.split('\n').filter((line) => line.trim() !== '' && !/^\s+at /.test(line))
  const end = lines.slice(-10).map((line) => `\n  ${line}`)
  return ` Its log, ${logFile}, closes with:${end.join('')}`
}
