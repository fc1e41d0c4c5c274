/**
 * Redacts facts before they are logged: without secrets, without bytes of records, and with errors
 * as plain data. Of an error's own properties only its code is kept: clients attach the failed
 * command with all its arguments, which are the data.
 */
import { shorten } from '../domain/short-text.ts'

const SECRET = /pass(word|phrase)?$|sasl|secret|token|credential|authorization|cookie/i
const HIDDEN = '[hidden]'
const MAX_DEPTH = 5
const MAX_TEXT_LENGTH = 1000

/**
 * Returns the value as it may be logged.
 *
 * @param showStacks whether every error has its stack, not only bugs
 */
export function redact(value: unknown, showStacks: boolean, depth = 0): unknown {
  if (typeof value === 'string') return shorten(value, MAX_TEXT_LENGTH)
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Error) return redactedError(value, showStacks, depth)
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (hasJsonForm(value)) return value.toJSON()
  if (depth === MAX_DEPTH) return '[…]'
  if (Array.isArray(value)) return value.map((item) => redact(item, showStacks, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([name, fact]) => [
      name,
      SECRET.test(name) ? HIDDEN : redact(fact, showStacks, depth + 1),
    ]),
  )
}

/** Hides the `user:password@` in every URL in a line of JSON. */
export function hideCredentials(line: string): string {
  return line.includes('@') ? line.replaceAll(URL_CREDENTIALS, `://${HIDDEN}@`) : line
}

const URL_CREDENTIALS = /:\/\/(?:[^\s"\\]|\\.)*@/g

interface RedactedError {
  readonly name: string
  readonly code?: unknown
  readonly message: string
  readonly stack?: string
  readonly cause?: unknown
}

function redactedError(error: Error, showStacks: boolean, depth: number): RedactedError {
  const { code } = error as { code?: unknown }
  return {
    name: error.name,
    ...(code !== undefined && { code }),
    message: shorten(messageOf(error), MAX_TEXT_LENGTH),
    ...((showStacks || isBug(error)) && { stack: frames(error) }),
    ...(error.cause !== undefined &&
      depth < MAX_DEPTH && { cause: redact(error.cause, showStacks, depth + 1) }),
  }
}

function messageOf(error: Error): string {
  // If a connection to several addresses fails, the message is empty, and there is an error for each.
  if (error.message === '' && error instanceof AggregateError) {
    return error.errors
      .map((each: unknown) => (each instanceof Error ? each.message : ''))
      .join('; ')
  }
  return error instanceof SyntaxError ? withoutQuotedText(error.message) : error.message
}

/** `JSON.parse` quotes the text that it could not parse, which may be part of a record. */
function withoutQuotedText(message: string): string {
  return message.replace(/,? ?(\.{3})?".*"(\.{3})? is not valid JSON$/s, ' is not valid JSON')
}

function isBug(error: Error): boolean {
  return (
    error instanceof TypeError ||
    error instanceof RangeError ||
    error instanceof ReferenceError ||
    error instanceof SyntaxError
  )
}

/** Returns the stack without its first lines, which repeat the message. */
function frames(error: Error): string {
  const stack = error.stack ?? ''
  return stack.slice(Math.max(0, stack.search(/^ +at /m)))
}

function hasJsonForm(value: object): value is { toJSON(): unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function'
}
