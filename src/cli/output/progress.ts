import { MultiBar } from 'cli-progress'
import type { OutStream } from './stream.ts'

/** Shows how much of the input is read, as a bar on a terminal. */
export interface Progress {
  /** Adds bytes that were read. */
  read(bytes: number): void
  /** Adds lines that were processed. */
  done(lines: number): void
  /** Writes lines of text above the bar. */
  say(text: string): void
  stop(): void
}

/** @param totalBytes the size of the input; null if it is unknown */
export function startProgress(stream: OutStream, totalBytes: number | null): Progress {
  if (stream.isTTY !== true) {
    return { read() {}, done() {}, say: (text) => stream.write(`${text}\n`), stop() {} }
  }
  const format =
    totalBytes === null ? '{lines} lines, {rate}/s' : '{bar} {percentage}%  {lines} lines, {rate}/s'
  const bars = new MultiBar({ stream, format, clearOnComplete: true, linewrap: true, barsize: 30 })
  const startedMs = performance.now()
  let lines = 0
  const bar = bars.create(totalBytes ?? 1, 0, { lines, rate: 0 })
  return {
    read: (bytes) => bar.increment(totalBytes === null ? 0 : bytes),
    done: (count) => {
      lines += count
      const seconds = (performance.now() - startedMs) / 1000
      bar.update({ lines, rate: Math.round(lines / Math.max(seconds, 0.001)) })
    },
    say: (text) => bars.log(`${text}\n`),
    stop: () => {
      bars.update() // writes the lines that `say` has buffered
      bars.stop()
    },
  }
}
