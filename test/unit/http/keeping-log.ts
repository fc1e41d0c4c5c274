import type { Log } from '../../../src/pipeline/ports.ts'

export interface LoggedLine {
  readonly level: keyof Log
  readonly facts: object
  readonly message: string
}

/** A log that keeps its lines. */
export function keepingLog(): Log & { readonly lines: LoggedLine[] } {
  const lines: LoggedLine[] = []
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
