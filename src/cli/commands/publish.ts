import type { Command } from 'commander'
import type { Config } from '../../app/config/config.ts'
import { type Cli, DONE, type ExitCode, FAILED } from '../cli.ts'
import { openInput, readEventLines } from '../event-lines.ts'
import { addHelp } from '../help.ts'
import { publishLines, type Sums } from '../line-publisher.ts'
import { printableJson } from '../output/printable.ts'
import { type Progress, startProgress } from '../output/progress.ts'
import { addTimeout } from '../retry-while-away.ts'
import { withPublisher } from '../servers.ts'
import { addSettings } from '../settings.ts'

export function addPublishCommand(program: Command, cli: Cli): void {
  const command = program
    .command('publish')
    .summary('send a file of events to the topic')
    .description(
      'Sends every line of a file of JSON events to the topic, byte for byte, keyed by its ' +
        'group. Each line is first checked by the rules of the worker. Invalid lines are printed ' +
        'with line number, reason and path, and are not sent. A file can be sent twice: a ' +
        'duplicate event changes nothing.',
    )
    .argument('<file>', 'JSON lines, one event on each; - for standard input')
  const load = addSettings(command, cli, ['kafka', 'events'])
  command.option('--json', 'print the summary as JSON: { sent, rejected, ignored }')
  addTimeout(command)
  addHelp(command, {
    examples: [
      ['publish events.jsonl', 'with KAFKA_BROKERS set, or npm start running'],
      ['publish - < events.jsonl', 'from a pipe'],
    ],
    exitCodes: {
      0: 'all events were sent, and Kafka has acknowledged them',
      1: 'a line was invalid (the valid ones were sent), or Kafka is away',
    },
  })

  command.action(
    cli.run((file: string, options: Options) => publish(cli, load().config, file, options)),
  )
}

interface Options {
  readonly json?: true
  /** Seconds. */
  readonly timeout: number
}

async function publish(
  cli: Cli,
  config: Config,
  file: string,
  { json, timeout }: Options,
): Promise<ExitCode> {
  const input = openInput(cli, file)
  const sums = await withPublisher(cli, config, timeout, async (publisher) => {
    const progress = startProgress(cli.stderr, input.totalBytes)
    try {
      const chunks = countBytes(input.chunks, progress)
      return await publishLines(readEventLines(chunks, config.events, cli.now), publisher, progress)
    } finally {
      progress.stop()
    }
  })
  cli.stdout.write(`${json ? printableJson(sums) : summary(sums, config)}\n`)
  return sums.rejected === 0 ? DONE : FAILED
}

async function* countBytes(
  chunks: AsyncIterable<Buffer>,
  progress: Progress,
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    progress.read(chunk.length)
    yield chunk
  }
}

function summary({ sent, rejected, ignored }: Sums, { kafka }: Config): string {
  const others = ignored === 0 ? '' : `, ${ignored} not sent (another type of event)`
  return `${sent} sent to topic ${kafka.topic}, ${rejected} rejected${others}`
}
