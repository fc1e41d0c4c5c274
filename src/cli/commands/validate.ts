import type { Command } from 'commander'
import { type Cli, DONE, FAILED } from '../cli.ts'
import { type EventLine, openInput, problemLines, readEventLines } from '../event-lines.ts'
import { addHelp } from '../help.ts'
import { printableJson } from '../output/printable.ts'
import { addSettings } from '../settings.ts'

export function addValidateCommand(program: Command, cli: Cli): void {
  const command = program
    .command('validate')
    .summary('check a file of events; needs no server')
    .description(
      'Checks every line of a file of JSON events by the very rules that the worker decodes ' +
        'with, and tells all that is wrong with each. Needs neither Kafka nor Redis.',
    )
    .argument('<file>', 'JSON lines: an event a line; - for standard input')
  const load = addSettings(command, cli, ['events'])
  command.option('--json', 'a JSON object for each bad line: { line, problems }')
  addHelp(command, {
    examples: [
      ['validate events.jsonl', 'what is wrong, by line'],
      ['validate - --json < events.jsonl', 'the same for a program'],
    ],
    exitCodes: { 0: 'every line is a valid event', 1: 'at least one is not' },
  })

  command.action(
    cli.run(async (file: string, { json = false }: { json?: boolean }) => {
      const { config } = load()
      const { chunks } = openInput(cli, file)
      const counts = { group: 0, ignored: 0, rejected: 0 }
      for await (const lines of readEventLines(chunks, config.events, cli.now)) {
        for (const line of lines) counts[line.decoded.kind]++
        const text = lines.map((line) => reportOf(line, json)).join('')
        if (text !== '') cli.stdout.write(text)
      }
      if (!json) cli.stdout.write(`${summary(counts)}\n`)
      return counts.rejected === 0 ? DONE : FAILED
    }),
  )
}

function reportOf({ number, decoded }: EventLine, json: boolean): string {
  if (decoded.kind !== 'rejected') return ''
  return json
    ? `${printableJson({ line: number, problems: decoded.problems }, 0)}\n`
    : `${problemLines(number, decoded)}\n`
}

function summary({ group, ignored, rejected }: Record<EventLine['decoded']['kind'], number>) {
  const others = ignored === 0 ? '' : `, ${ignored} of another type (the worker passes over them)`
  return `${group} valid, ${rejected} invalid${others}`
}
