import { readFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { type Field, fields } from '../app/config/fields.ts'
import { type LoadedConfig, loadConfig } from '../app/config/loader.ts'
import { readLocalEndpoints } from '../local/endpoints.ts'
import type { Cli } from './cli.ts'

export type Section = 'kafka' | 'redis' | 'events' | 'worker' | 'http' | 'gateway' | 'log'

/** The flags that the help lists. The others exist, too; "group-traits config" lists the settings. */
const SHOWN_FLAGS = new Set([
  'kafka.brokers',
  'kafka.topic',
  'redis.url',
  'http.port',
  'gateway.port',
  'log.level',
])

/**
 * Adds --config to the command, and a flag for each setting in the sections that it uses.
 *
 * @returns a function that loads the configuration. Call it after the command line is parsed. It
 *   throws InvalidConfig
 */
export function addSettings(
  command: Command,
  cli: Cli,
  sections: readonly Section[],
  needsKafka = sections.includes('kafka'),
): () => LoadedConfig {
  command.optionsGroup('Settings:')
  command.option('--config <file>', 'YAML file with settings (also GROUP_TRAITS_CONFIG)')
  const flags = fields
    .filter(({ name }) => isWithin(name, sections))
    .flatMap((field) => optionsOf(field).map((option) => ({ name: field.name, option })))
  for (const { option } of flags) command.addOption(option)
  command.optionsGroup('Options:')

  return () => {
    const given = command.opts<Record<string, string | undefined>>()
    return loadConfig({
      file: given.config,
      environment: cli.environment,
      flags: new Map(
        flags.flatMap(({ name, option }) => {
          const text = given[option.attributeName()]
          return text === undefined ? [] : [[name, text]]
        }),
      ),
      needsKafka,
      localEndpoints: readLocalEndpoints(),
      readFile: (path) => readFileSync(path, 'utf8'),
    })
  }
}

function isWithin(name: string, sections: readonly string[]): boolean {
  return sections.includes(name.slice(0, name.indexOf('.')))
}

function optionsOf({ name, flag, description, variable }: Field): Option[] {
  if (flag === null) return []
  const option = new Option(`${flag} <value>`, `${description} (${variable})`)
  return [SHOWN_FLAGS.has(name) ? option : option.hideHelp()]
}
