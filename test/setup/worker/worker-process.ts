/** The worker as a process of its own, with access to its log and its HTTP endpoints. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Environment } from '../cli/command-line.ts'
import { until } from '../waiting.ts'

export interface WorkerProcess {
  readonly child: ChildProcess
  readonly lines: LogLine[]
  /** The log lines whose message contains this text. */
  saying(text: string): LogLine[]
  /** Waits for a log line whose message contains this text. */
  said(text: string, timeoutMs?: number): Promise<LogLine>
  /** Requests an operations endpoint, such as /readyz. */
  get(path: string): Promise<{ readonly status: number; readonly body: string }>
  /** Sends the signal; resolves with the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>
  readonly exited: Promise<number | null>
}

export interface LogLine {
  readonly level: string
  readonly msg: string
  readonly [fact: string]: unknown
}

/** Starts a worker, which the caller must end. LOG_LEVEL of this process applies to it, too. */
export function spawnWorker(environment: Environment): WorkerProcess {
  const child = spawn(process.execPath, ['src/main.ts', 'worker'], {
    env: { ...logLevel(), ...environment },
  })
  const lines: LogLine[] = []
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line)))
  child.stderr.on('data', (text) => lines.push({ level: 'stderr', msg: String(text) }))
  const exited = once(child, 'close').then(([code]) => code as number | null)
  const saying = (text: string) => lines.filter(({ msg }) => msg.includes(text))
  const said = (text: string, timeoutMs = 20_000) =>
    until(
      `the worker logs "${text}"; its log: ${JSON.stringify(lines)}`,
      () => saying(text)[0],
      timeoutMs,
    )
  return {
    child,
    lines,
    saying,
    said,
    async get(path) {
      const { url } = await said('the worker starts', START_TIMEOUT_MS)
      const response = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(ANSWER_MS) })
      return { status: response.status, body: await response.text() }
    },
    async end(signal) {
      child.kill(signal)
      return await exited
    },
    exited,
  }
}

function logLevel(): Environment {
  const { LOG_LEVEL } = process.env
  return LOG_LEVEL === undefined ? {} : { LOG_LEVEL }
}

const ANSWER_MS = 5000
/** Long enough for a busy machine. */
const START_TIMEOUT_MS = 60_000
