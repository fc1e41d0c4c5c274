import type { Command } from 'commander'
import { configJsonSchema, fields, redacted } from '../../app/config/fields.ts'
import type { LoadedConfig } from '../../app/config/loader.ts'
import { originText } from '../../app/config/problem.ts'
import { type Cli, DONE } from '../cli.ts'
import { addHelp } from '../help.ts'
import { printableJson } from '../output/printable.ts'
import { table } from '../output/table.ts'
import { addSettings } from '../settings.ts'

export function addConfigCommand(program: Command, cli: Cli): void {
  const command = program
    .command('config')
    .summary('show every setting, its value, and where it came from')
    .description(
      'Shows every setting: the value in force, where it came from, and the environment ' +
        'variable that sets it. A flag goes over the environment, that over the file, that over ' +
        'a running local stack, and that over the default. Secrets are hidden.',
    )
  const load = addSettings(
    command,
    cli,
    ['kafka', 'redis', 'events', 'worker', 'http', 'gateway', 'log'],
    false,
  )
  command
    .option('--json', 'for programs')
    .option('--schema', 'print the JSON Schema of the file instead')
  addHelp(command, {
    examples: [
      ['config', 'what is in force'],
      ['config --config production.yaml', 'the same with a file'],
      ['config --schema', 'for an editor to check the file by'],
    ],
    notes: [
      'A setting kafka.groupId is KAFKA_GROUP_ID in the environment and --kafka-group-id as a',
      'flag of every command that uses it. config/group-traits.yaml has all, with comments.',
    ],
    exitCodes: { 0: 'the configuration is right' },
  })

  command.action(
    cli.run(({ json, schema }: { json?: boolean; schema?: boolean }) => {
      const text = schema
        ? printableJson(configJsonSchema())
        : json
          ? printableJson(forPrograms(load()))
          : forPeople(load(), cli)
      cli.stdout.write(`${text}\n`)
      return DONE
    }),
  )
}

function forPeople({ settings }: LoadedConfig, cli: Cli): string {
  const rows = fields.map((field) => {
    const { value, origin } = settings.get(field.name)!
    return [
      field.name,
      textOf(redacted(field, value), field.unit),
      originText(origin),
      field.variable,
    ]
  })
  return table(cli.stdout, ['setting', 'value', 'from', 'variable'], rows)
}

function textOf(value: unknown, unit: string | undefined): string {
  if (value === undefined) return '-'
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.join(', ')
  return unit === undefined ? String(value) : `${value} ${unit}`
}

function forPrograms({ settings }: LoadedConfig): object {
  return Object.fromEntries(
    fields.map((field) => {
      const { value, origin } = settings.get(field.name)!
      const { variable, flag, description } = field
      return [
        field.name,
        { value: redacted(field, value) ?? null, origin, variable, flag, description },
      ]
    }),
  )
}
