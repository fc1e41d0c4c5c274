import type { z } from 'zod'
import { shorten } from '../../domain/short-text.ts'
import { configSchema, type Settings } from './config.ts'
import { constraints } from './constraints.ts'
import { fieldNamed } from './fields.ts'
import type { ConfigProblem } from './problem.ts'
import type { Given } from './sources.ts'

type GivenByName = ReadonlyMap<string, Given>

/**
 * Returns the settings with their defaults, and all errors. An invalid setting is replaced by its
 * default, so that the others can still be checked. (A constraint between settings is not checked if
 * one of them is invalid.)
 */
export function validate(given: GivenByName): {
  readonly settings: Settings
  readonly problems: ConfigProblem[]
} {
  const result = configSchema.safeParse(nested(given))
  if (result.success) {
    return { settings: result.data, problems: violations(result.data, given, new Set()) }
  }
  const problems = distinct(result.error.issues.map((issue) => problemOf(issue, given)))
  const invalid = new Set(problems.map(({ setting }) => setting))
  const valid = new Map([...given].filter(([name]) => !invalid.has(name)))
  const settings = configSchema.parse(nested(valid))
  return { settings, problems: [...problems, ...violations(settings, given, invalid)] }
}

function violations(
  values: Settings,
  given: GivenByName,
  invalid: ReadonlySet<string | undefined>,
): ConfigProblem[] {
  return constraints
    .filter(({ settings }) => !settings.some((name) => invalid.has(name)))
    .filter((constraint) => constraint.isViolated(values))
    .map(({ settings, message }) => {
      const origin = settings.map((name) => given.get(name)?.origin).find(Boolean)
      return { setting: settings[0], origin, message }
    })
}

/**
 * Turns an issue of the schema into a problem of a setting. The path of an issue leads to a setting
 * or inside one (`kafka.brokers.0`), because only known settings are given to the schema. The message
 * of an issue must read well after "must be".
 */
function problemOf(issue: z.core.$ZodIssue, given: GivenByName): ConfigProblem {
  const keys = issue.path.map(String)
  const depth = keys.findIndex((_, index) => fieldNamed(keys.slice(0, index + 1).join('.')))
  const setting = keys.slice(0, depth + 1).join('.')
  const { value, origin } = given.get(setting) ?? {}
  const invalidPart = keys.slice(depth + 1).reduce(memberOf, value)
  const prefix = fieldNamed(setting)?.secret ? '' : `is ${preview(invalidPart)}, `
  return { setting, origin, message: `${prefix}must be ${issue.message}` }
}

/** One value can fail several checks with the same message. */
function distinct(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return [...new Map(problems.map((each) => [`${each.setting} ${each.message}`, each])).values()]
}

function memberOf(value: unknown, key: string): unknown {
  return (value as Record<string, unknown>)[key]
}

function preview(value: unknown): string {
  return shorten(JSON.stringify(value) ?? 'nothing', 60)
}

interface Tree {
  [key: string]: unknown
}

/** `kafka.tls.enabled` becomes `{ kafka: { tls: { enabled } } }`. */
function nested(given: GivenByName): Tree {
  const root: Tree = {}
  for (const [name, { value }] of given) {
    const sections = name.split('.')
    const key = sections.pop() ?? name
    let section = root
    for (const step of sections) {
      section[step] ??= {}
      section = section[step] as Tree
    }
    section[key] = value
  }
  return root
}
