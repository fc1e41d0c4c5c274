import type { z } from 'zod'
import { shorten } from '../../domain/short-text.ts'
import { agreements } from './agreement.ts'
import { configSchema, type Settings } from './config.ts'
import { fieldNamed } from './fields.ts'
import type { ConfigProblem } from './problem.ts'
import type { Given } from './sources.ts'

type GivenByName = ReadonlyMap<string, Given>

/**
 * Returns the settings with their defaults, and all errors. An invalid setting has its default, so
 * that the other settings can still be checked.
 */
export function validate(given: GivenByName): {
  readonly settings: Settings
  readonly problems: ConfigProblem[]
} {
  const result = configSchema.safeParse(nested(given))
  if (result.success) {
    return { settings: result.data, problems: disagreements(result.data, given, new Set()) }
  }
  const problems = distinct(result.error.issues.map((issue) => problemOf(issue, given)))
  const wrong = new Set(problems.map(({ setting }) => setting))
  const right = new Map([...given].filter(([name]) => !wrong.has(name)))
  const settings = configSchema.parse(nested(right))
  return { settings, problems: [...problems, ...disagreements(settings, given, wrong)] }
}

function disagreements(
  settings: Settings,
  given: GivenByName,
  wrong: ReadonlySet<string | undefined>,
): ConfigProblem[] {
  return agreements
    .filter(
      ({ between, isBroken }) => !between.some((name) => wrong.has(name)) && isBroken(settings),
    )
    .map(({ between, message }) => {
      const origin = between.map((name) => given.get(name)?.origin).find(Boolean)
      return { setting: between[0], origin, message }
    })
}

function problemOf(issue: z.core.$ZodIssue, given: GivenByName): ConfigProblem {
  const keys = issue.path.map(String)
  const depth = keys.findIndex((_, index) => fieldNamed(keys.slice(0, index + 1).join('.')))
  const setting = keys.slice(0, depth + 1).join('.')
  const { value, origin } = given.get(setting) ?? {}
  const wrongPart = keys.slice(depth + 1).reduce(memberOf, value)
  const is = fieldNamed(setting)?.secret ? '' : `is ${preview(wrongPart)}, `
  return { setting, origin, message: `${is}must be ${issue.message}` }
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
