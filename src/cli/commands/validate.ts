import type { Command } from 'commander'
import type { Config } from '../../app/config/config.ts'
import { type Cli, DONE, type ExitCode, FAILED } from '../cli.ts'
import { type EventLine, openInput, problemLines, readEventLines } from '../event-lines.ts'
import { addHelp } from '../help.ts'
import { printableJson } from '../output/printable.ts'
import { addSettings } from '../settings.ts'

export function addValidateCommand(program: Command, cli: Cli): void {
  const command = program
    .command('validate')
    .summary('check a file of events; needs no server')
    .description(
      'Checks every line of a file of JSON events by the rules of the worker, and prints all ' +
        'problems of each line. Needs neither Kafka nor Redis.',
    )
    .argument('<file>', 'JSON lines, one event on each; - for standard input')
  const load = addSettings(command, cli, ['events'])
  command.option('--json', 'print a JSON object for each invalid line: { line, problems }')
  addHelp(command, {
    examples: [
      ['validate events.jsonl', 'print the problems, line by line'],
      ['validate - --json < events.jsonl', 'print them as JSON'],
    ],
    exitCodes: {
      0: 'no line is invalid',
      1: 'at least one line is invalid',
    },
  })

  command.action(
    cli.run((file: string, options: Options) => validate(cli, load().config, file, options)),
  )
}

interface Options {
  readonly json?: boolean
}

async function validate(
  cli: Cli,
  { events }: Config,
  file: string,
  { json = false }: Options,
): Promise<ExitCode> {
  const { chunks } = openInput(cli, file)
  const counts = { group: 0, ignored: 0, rejected: 0 }
  for await (const lines of readEventLines(chunks, events, cli.now)) {
    for (const line of lines) counts[line.decoded.kind]++
    const text = lines.map((line) => reportOf(line, json)).join('')
    if (text !== '') cli.stdout.write(text)
  }
  if (!json) cli.stdout.write(`${summary(counts)}\n`)
  return counts.rejected === 0 ? DONE : FAILED
}

function reportOf({ number, decoded }: EventLine, json: boolean): string {
  if (decoded.kind !== 'rejected') return ''
  return json
    ? `${printableJson({ line: number, problems: decoded.problems }, 0)}\n`
    : `${problemLines(number, decoded)}\n`
}

function summary({ group, ignored, rejected }: Record<EventLine['decoded']['kind'], number>) {
  const others = ignored === 0 ? '' : `, ${ignored} ignored (another type of event)`
  return `${group} valid, ${rejected} invalid${others}`
}
