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
      'Shows every setting: its value, where the value came from, and the environment variable ' +
        'that sets it. In order of precedence, a value comes from a flag, the environment, the ' +
        'file, a running local stack (Kafka and Redis only), or the default. Secrets are hidden.',
    )
  const load = addSettings(
    command,
    cli,
    ['kafka', 'redis', 'events', 'worker', 'http', 'gateway', 'log'],
    false,
  )
  command
    .option('--json', 'print JSON')
    .option('--schema', 'print the JSON Schema of the configuration file instead')
  addHelp(command, {
    examples: [
      ['config', 'show every setting'],
      ['config --config production.yaml', 'show every setting, with those of a file'],
      ['config --schema', 'print the schema, for an editor that checks the file'],
    ],
    notes: [
      'The setting kafka.groupId is KAFKA_GROUP_ID in the environment, and the flag',
      '--kafka-group-id of every command that uses it. config/group-traits.yaml describes all',
      'settings.',
    ],
    exitCodes: { 0: 'the configuration is valid' },
  })

  command.action(
    cli.run(({ json, schema }: { json?: boolean; schema?: boolean }) => {
      let text: string
      if (schema) text = printableJson(configJsonSchema())
      else text = json ? printableJson(settingsJson(load())) : settingsText(load(), cli)
      cli.stdout.write(`${text}\n`)
      return DONE
    }),
  )
}

function settingsText({ settings }: LoadedConfig, cli: Cli): string {
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

function settingsJson({ settings }: LoadedConfig): object {
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
