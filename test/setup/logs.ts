import type { Log } from '../../src/pipeline/ports.ts'

export interface LogLine {
  readonly level: keyof Log
  readonly facts: object
  readonly message: string
}

export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  fatal() {},
}

/** A log that keeps its lines, from the given level on. */
export function recordLog(
  least: 'debug' | 'info' = 'info',
): Log & { readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = []
  const at = (level: keyof Log) => (facts: object, message: string) => {
    lines.push({ level, facts, message })
  }
  return {
    lines,
    debug: least === 'debug' ? at('debug') : silentLog.debug,
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
  }
}
