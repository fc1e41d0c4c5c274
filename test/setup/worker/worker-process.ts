/** The worker as a process of its own, with its log and its health at hand. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Environment } from '../cli/command-line.ts'
import { until } from '../waiting.ts'

export interface WorkerProcess {
  readonly child: ChildProcess
  readonly lines: LogLine[]
  /** Lines with this text in their message. */
  saying(text: string): LogLine[]
  /** Waits for a line with this text in its message. */
  said(text: string, deadlineMs?: number): Promise<LogLine>
  /** Status and body of an operations endpoint. */
  get(path: string): Promise<{ readonly status: number; readonly body: string }>
  end(signal: NodeJS.Signals): Promise<number | null>
  readonly exited: Promise<number | null>
}

export interface LogLine {
  readonly level: string
  readonly msg: string
  readonly [fact: string]: unknown
}

/** Who starts it ends it. */
export function spawnWorker(environment: Environment): WorkerProcess {
  const child = spawn(process.execPath, ['src/main.ts', 'worker'], { env: { ...environment } })
  const lines: LogLine[] = []
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line)))
  child.stderr.on('data', (text) => lines.push({ level: 'stderr', msg: String(text) }))
  const exited = once(child, 'close').then(([code]) => code as number | null)
  const saying = (text: string) => lines.filter(({ msg }) => msg.includes(text))
  const said = (text: string, deadlineMs = 20_000) =>
    until(
      `the worker says "${text}"; it said ${JSON.stringify(lines)}`,
      () => saying(text)[0],
      deadlineMs,
    )
  return {
    child,
    lines,
    saying,
    said,
    async get(path) {
      const { url } = await said('the worker starts', START_DEADLINE_MS)
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

const ANSWER_MS = 5000
/** On a machine that is busy with much else. */
const START_DEADLINE_MS = 60_000
