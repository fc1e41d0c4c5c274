import type { Command } from 'commander'
import type { Config } from '../app/config.ts'
import { type Publisher, RecordRefused } from '../kafka/publisher.ts'
import { type Cli, DONE, FAILED } from './cli.ts'
import { type EventLine, openInput, problemLines, readEventLines } from './event-lines.ts'
import { teach } from './lesson.ts'
import { addTimeout } from './patience.ts'
import { printable, printableJson } from './printable.ts'
import { type Progress, startProgress } from './progress.ts'
import { withPublisher } from './servers.ts'
import { addSettings } from './settings.ts'

export function addPublishCommand(program: Command, cli: Cli): void {
  const command = program
    .command('publish')
    .summary('send a file of events to the topic')
    .description(
      'Sends every line of a file of JSON events to the topic, byte for byte, keyed by its ' +
        'group. Each line is first checked by the rules that the worker decodes with: bad ones ' +
        'are told with line, path and reason and not sent; the others are. Sending a file twice ' +
        'changes nothing: a repeated event loses.',
    )
    .argument('<file>', 'JSON lines: an event a line; - for standard input')
  const load = addSettings(command, cli, ['kafka', 'events'])
  command.option('--json', 'the summary as JSON: { sent, rejected, ignored }')
  addTimeout(command)
  teach(command, {
    examples: [
      ['publish events.jsonl', 'with KAFKA_BROKERS set, or npm start running'],
      ['publish - < events.jsonl', 'from a pipe'],
    ],
    exitCodes: {
      0: 'all sent, and acknowledged by Kafka',
      1: 'a bad line (the good ones are sent all the same), or Kafka is away',
    },
  })

  command.action(
    cli.run(async (file: string, { json, timeout }: { json?: true; timeout: number }) => {
      const { config } = load()
      const input = openInput(cli, file)
      const sums = await withPublisher(cli, config, timeout, async (publisher) => {
        const progress = startProgress(cli.stderr, input.totalBytes)
        try {
          const chunks = counted(input.chunks, progress)
          return await publishLines(
            readEventLines(chunks, config.events, cli.now),
            publisher,
            progress,
          )
        } finally {
          progress.stop()
        }
      })
      cli.stdout.write(`${json ? printableJson(sums) : summary(sums, config)}\n`)
      return sums.rejected === 0 ? DONE : FAILED
    }),
  )
}

interface Sums {
  sent: number
  rejected: number
  /** Events of another type: the worker would pass over them. */
  ignored: number
}

async function publishLines(
  lists: AsyncIterable<readonly EventLine[]>,
  publisher: Publisher,
  progress: Progress,
): Promise<Sums> {
  const sums: Sums = { sent: 0, rejected: 0, ignored: 0 }
  const reject = (text: string) => {
    sums.rejected++
    progress.say(text)
  }
  for await (const lines of lists) {
    const records: LineRecord[] = []
    for (const { number, bytes, decoded } of lines) {
      if (decoded.kind === 'rejected') reject(problemLines(number, decoded))
      else if (decoded.kind === 'ignored') sums.ignored++
      else records.push({ number, key: decoded.groupId, value: bytes })
    }
    sums.sent += await publishAll(records, publisher, ({ number }, message) =>
      reject(printable(`line ${number}: ${message}`)),
    )
    progress.done(lines.length)
  }
  return sums
}

interface LineRecord {
  readonly number: number
  readonly key: string
  readonly value: Buffer
}

/** Goes on behind a record that the topic does not take. Returns how many were taken. */
async function publishAll(
  records: readonly LineRecord[],
  publisher: Publisher,
  onRefused: (record: LineRecord, message: string) => void,
): Promise<number> {
  let refused = 0
  for (let rest = records; rest.length > 0; ) {
    try {
      await publisher.publish(rest.map(({ key, value }) => ({ key, value })))
      break
    } catch (error) {
      if (!(error instanceof RecordRefused)) throw error
      refused++
      onRefused(rest[error.index]!, error.message.replace(/^record \d+ is /, ''))
      rest = rest.slice(error.index + 1)
    }
  }
  return records.length - refused
}

async function* counted(chunks: AsyncIterable<Buffer>, progress: Progress): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    progress.read(chunk.length)
    yield chunk
  }
}

function summary({ sent, rejected, ignored }: Sums, { kafka }: Config): string {
  const others = ignored === 0 ? '' : `, ${ignored} of another type not sent`
  return `${sent} sent to topic ${kafka.topic}, ${rejected} rejected${others}`
}
