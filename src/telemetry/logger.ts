import { isatty } from 'node:tty'
import { pino } from 'pino'
import { isColorSupported, prettyFactory } from 'pino-pretty'
import type { Log } from '../pipeline/ports.ts'
import { hideCredentials, redact } from './redaction.ts'

export interface LoggerOptions {
  readonly level: LogLevel
  /** `json`: JSON lines; `pretty`: text for people; `auto`: pretty on a terminal, else JSON. */
  readonly format: 'auto' | 'json' | 'pretty'
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export interface Logger extends Log {
  /** Returns a logger that adds these facts to each line. */
  child(facts: object): Logger
}

/** Where lines are written: a file descriptor, or an object with `write`. */
export type LogDestination = number | { write(line: string): unknown }

/**
 * Creates a logger that writes each line synchronously: there is nothing to flush, and the last
 * line before `process.exit` is never lost.
 *
 * An error among the facts is logged as name, code, message and causes. Its stack is logged if it
 * is a bug, or at level debug. Secrets are hidden, whoever logs them.
 */
export function createLogger(
  { level, format }: LoggerOptions,
  destination: LogDestination = process.stdout.fd,
): Logger {
  const isTerminal = typeof destination === 'number' && isatty(destination)
  const isPretty = format === 'pretty' || (format === 'auto' && isTerminal)
  const toText = isPretty ? prettifier(isTerminal && isColorSupported) : (line: string) => line
  const out =
    typeof destination === 'number'
      ? pino.destination({ fd: destination, sync: true })
      : destination
  const showStacks = level === 'debug'

  return pino(
    {
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (facts) => redact(facts, showStacks) as Record<string, unknown>,
      },
      serializers: { err: (error) => error },
    },
    {
      write: (line: string) => {
        out.write(toText(hideCredentials(line)))
      },
    },
  )
}

function prettifier(colorize: boolean): (line: string) => string {
  return prettyFactory({
    colorize,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname',
  })
}
