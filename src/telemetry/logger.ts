import { isatty } from 'node:tty'
import { pino } from 'pino'
import { isColorSupported, prettyFactory } from 'pino-pretty'
import type { Log } from '../pipeline/ports.ts'
import { hideCredentials, printable } from './printable.ts'

export interface LoggerOptions {
  readonly level: LogLevel
  /** JSON lines, text for people, or (`auto`) whichever fits: text on a terminal, else JSON. */
  readonly format: 'auto' | 'json' | 'pretty'
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export interface Logger extends Log {
  /** A logger whose every line carries these facts too. */
  child(facts: object): Logger
}

/** Where lines go: a file descriptor, or anything that is written to. */
export type LogDestination = number | { write(line: string): unknown }

/**
 * A logger that has written a line when the call returns: nothing is left to flush, and the
 * last words before `process.exit` are never lost.
 *
 * Errors among the facts become name, code, message and causes; a stack is shown where the
 * error is a bug, or at level debug. What may be secret is hidden, whoever logs it.
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
        log: (facts) => printable(facts, showStacks) as Record<string, unknown>,
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
