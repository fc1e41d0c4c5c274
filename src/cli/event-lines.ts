/** Reads JSON lines and decodes them like the worker. */
import { createReadStream, statSync } from 'node:fs'
import { createDecoder, type DecodeRules, type Ignored } from '../domain/event/decode.ts'
import type { GroupEvent } from '../domain/event/event.ts'
import type { Rejected } from '../domain/problem.ts'
import { type Cli, CommandFailed, WRONG_USAGE } from './cli.ts'
import { type Line, readLines } from './lines.ts'
import { printable } from './output/printable.ts'

/** A line that is not blank, decoded. */
export interface EventLine {
  readonly number: number
  /** Empty if the line was too long to be kept. */
  readonly bytes: Buffer
  readonly decoded: GroupEvent | Ignored | Rejected
}

export interface Input {
  readonly chunks: AsyncIterable<Buffer>
  /** Null if it is unknown: for a pipe. */
  readonly totalBytes: number | null
}

/**
 * Opens a file, or standard input for `-`.
 *
 * @throws CommandFailed if there is no such file
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

/** Decodes lines, a list at a time, as if Kafka had received each of them just now. */
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
  const message = `the event has too many bytes: at most ${maxEventBytes} are allowed`
  return { kind: 'rejected', problems: [{ reason: 'too_large', path: '', message }] }
}

/** Describes the problems of a line, each on a line of its own. */
export function problemLines(number: number, { problems }: Rejected): string {
  return problems
    .map(({ reason, path, message }) => {
      const where = path === '' ? '' : ` at ${path}`
      return printable(`line ${number}: ${reason}${where}: ${message}`)
    })
    .join('\n')
}
