import type { Log } from '../../src/pipeline/ports.ts'

export interface LogLine {
  readonly level: keyof Log
  readonly facts: object
  readonly message: string
}

/** A log that keeps what is said. */
export function recordLog(): Log & { readonly lines: LogLine[] } {
  const lines: LogLine[] = []
  const at = (level: keyof Log) => (facts: object, message: string) => {
    lines.push({ level, facts, message })
  }
  return {
    lines,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    fatal: at('fatal'),
  }
}
