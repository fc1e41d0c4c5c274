/** JSON lines, decoded as the worker would. */
import { createReadStream, statSync } from 'node:fs'
import { createDecoder, type DecodeRules, type Ignored } from '../domain/event/decode.ts'
import type { GroupEvent } from '../domain/event/event.ts'
import type { Rejected } from '../domain/problem.ts'
import { type Cli, CommandFailed, WRONG_USAGE } from './cli.ts'
import { type Line, readLines } from './lines.ts'
import { printable } from './output/printable.ts'

/** A line that is not blank, and what the worker would make of it. */
export interface EventLine {
  readonly number: number
  /** Empty where the line was too long to be kept. */
  readonly bytes: Buffer
  readonly decoded: GroupEvent | Ignored | Rejected
}

export interface Input {
  readonly chunks: AsyncIterable<Buffer>
  /** null where nobody knows: a pipe. */
  readonly totalBytes: number | null
}

/**
 * Opens a file, or standard input for `-`.
 *
 * @throws CommandFailed: there is no such file
 */
export function openInput(cli: Cli, file: string): Input {
  if (file === '-') return { chunks: cli.stdin, totalBytes: null }
  const stats = statSync(file, { throwIfNoEntry: false })
  if (stats === undefined) throw new CommandFailed(`there is no file ${file}`, WRONG_USAGE)
  if (stats.isDirectory()) throw new CommandFailed(`${file} is a directory`, WRONG_USAGE)
  return { chunks: readFile(file), totalBytes: stats.isFile() ? stats.size : null }
}

async function* readFile(file: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(file, { highWaterMark: CHUNK_BYTES })
  } catch (error) {
    throw new CommandFailed(`cannot read ${file}: ${(error as Error).message}`)
  }
}

const CHUNK_BYTES = 256 * 1024

/** Decodes a list of lines at a time, as if each had been received just now. */
export async function* readEventLines(
  chunks: AsyncIterable<Buffer>,
  rules: DecodeRules,
  now: () => number,
): AsyncGenerator<EventLine[]> {
  const decoder = createDecoder(rules)
  const decode = ({ number, bytes }: Line): EventLine =>
    bytes === null
      ? { number, bytes: Buffer.alloc(0), decoded: tooLong(rules.maxEventBytes) }
      : { number, bytes, decoded: decoder.decodeValue(bytes, now()) }
  for await (const lines of readLines(chunks, rules.maxEventBytes)) yield lines.map(decode)
}

function tooLong(maxEventBytes: number): Rejected {
  const message = `the event has more than ${maxEventBytes} bytes`
  return { kind: 'rejected', problems: [{ reason: 'too_large', path: '', message }] }
}

/** What is wrong with a line, a text line for each problem. */
export function problemLines(number: number, { problems }: Rejected): string {
  return problems
    .map(({ reason, path, message }) => {
      const where = path === '' ? '' : ` at ${path}`
      return printable(`line ${number}: ${reason}${where}: ${message}`)
    })
    .join('\n')
}
