import { MultiBar } from 'cli-progress'
import type { OutStream } from '../cli.ts'

/** How far reading has come, shown on a terminal as it goes. */
export interface Progress {
  /** Counts bytes that were read. */
  read(bytes: number): void
  /** Counts lines that are done with. */
  done(lines: number): void
  /** Writes lines of text, above the bar. */
  say(text: string): void
  stop(): void
}

/** @param totalBytes of the input, or null where nobody knows */
export function startProgress(stream: OutStream, totalBytes: number | null): Progress {
  if (stream.isTTY !== true) {
    return { read() {}, done() {}, say: (text) => stream.write(`${text}\n`), stop() {} }
  }
  const format =
    totalBytes === null ? '{lines} lines, {rate}/s' : '{bar} {percentage}%  {lines} lines, {rate}/s'
  const bars = new MultiBar({ stream, format, clearOnComplete: true, linewrap: true, barsize: 30 })
  const startedAt = performance.now()
  let lines = 0
  const bar = bars.create(totalBytes ?? 1, 0, { lines, rate: 0 })
  return {
    read: (bytes) => bar.increment(totalBytes === null ? 0 : bytes),
    done: (count) => {
      lines += count
      const seconds = (performance.now() - startedAt) / 1000
      bar.update({ lines, rate: Math.round(lines / Math.max(seconds, 0.001)) })
    },
    say: (text) => bars.log(`${text}\n`),
    stop: () => {
      bars.update() // writes what was said since the last time
      bars.stop()
    },
  }
}
