import type { Log } from '../../../src/pipeline/ports.ts'

export interface LoggedLine {
  readonly level: keyof Log
  readonly message: string
  readonly facts: object
}

/** A log that keeps its lines, from info on. */
export function recordingLog(): { readonly log: Log; readonly lines: LoggedLine[] } {
  const lines: LoggedLine[] = []
  const keep = (level: keyof Log) => (facts: object, message: string) => {
    lines.push({ level, message, facts })
  }
  const log: Log = {
    debug: () => {},
    info: keep('info'),
    warn: keep('warn'),
    error: keep('error'),
    fatal: keep('fatal'),
  }
  return { log, lines }
}
