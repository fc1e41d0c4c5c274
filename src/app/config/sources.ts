import { isMap, isScalar, LineCounter, parseDocument, type YAMLMap } from 'yaml'
import type { LocalEndpoints } from '../../local/endpoints.ts'
import { fieldNamed, fields, valueOfText } from './fields.ts'
import { nearest } from './nearest.ts'
import type { ConfigProblem, Origin } from './problem.ts'

/** What one source contains: values by the name of the setting, and the errors in it. */
export interface Source {
  readonly given: ReadonlyMap<string, Given>
  readonly problems: readonly ConfigProblem[]
}

export interface Given {
  readonly value: unknown
  readonly origin: Origin
}

export const NOTHING_GIVEN: Source = { given: new Map(), problems: [] }

/** Reads every setting from its environment variable. An empty variable counts as absent. */
export function fromEnvironment(environment: Readonly<Record<string, string | undefined>>): Source {
  const given = new Map<string, Given>()
  for (const field of fields) {
    const text = environment[field.variable]
    if (text === undefined || text === '') continue
    const origin = { source: 'environment', variable: field.variable } as const
    given.set(field.name, { value: valueOfText(field, text), origin })
  }
  return { given, problems: [] }
}

/**
 * Reads settings from the command line.
 *
 * @param flags texts by the name of the setting
 */
export function fromFlags(flags: ReadonlyMap<string, string>): Source {
  const given = new Map<string, Given>()
  for (const [name, text] of flags) {
    const field = fieldNamed(name)
    if (!field?.flag) throw new Error(`there is no flag for ${name}`)
    const origin = { source: 'flag', flag: field.flag } as const
    given.set(name, { value: valueOfText(field, text), origin })
  }
  return { given, problems: [] }
}

/** Returns the addresses of the servers of the local stack. */
export function fromLocalStack(endpoints: LocalEndpoints): Source {
  const origin = { source: 'local' } as const
  return {
    given: new Map<string, Given>([
      ['kafka.brokers', { value: endpoints.kafkaBrokers, origin }],
      ['redis.url', { value: endpoints.redisUrl, origin }],
    ]),
    problems: [],
  }
}

/** Reads the text of a YAML file. Unknown keys are errors. */
export function fromYaml(file: string, text: string): Source {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const at = (offset: number): Origin => {
    return { source: 'file', file, line: lines.linePos(offset).line }
  }
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => {
      return { origin: at(error.pos[0]), message: `is not valid YAML: ${error.message}` }
    })
    return { given: new Map(), problems }
  }
  const root = document.contents
  if (root === null || (isScalar(root) && root.value === null)) {
    return NOTHING_GIVEN
  }
  if (!isMap(root)) {
    const message = 'must contain sections, such as kafka: and redis:, with keys below them'
    return { given: new Map(), problems: [{ origin: at(root.range[0]), message }] }
  }
  return readMap(root, [], at)
}

type Locate = (offset: number) => Origin

/** Reads the keys of a section, and those of the sections inside it. */
function readMap(map: YAMLMap, path: readonly string[], at: Locate): Source {
  const given = new Map<string, Given>()
  const problems: ConfigProblem[] = []
  for (const { key, value } of map.items) {
    const start = isScalar(key) ? (key.range?.[0] ?? 0) : 0
    const origin = at(start)
    const childPath = [...path, isScalar(key) ? String(key.value) : '?']
    const setting = childPath.join('.')
    if (fieldNamed(setting) !== undefined) {
      given.set(setting, { value: plainValue(value), origin })
    } else if (!isSection(setting)) {
      problems.push({ setting, origin, message: `there is no such setting${suggestion(setting)}` })
    } else if (isMap(value)) {
      const within = readMap(value, childPath, at)
      for (const [name, child] of within.given) given.set(name, child)
      problems.push(...within.problems)
    } else if (plainValue(value) !== null) {
      problems.push({ setting, origin, message: 'must be a section, with keys below it' })
    }
  }
  return { given, problems }
}

function plainValue(node: unknown): unknown {
  const hasJson = typeof node === 'object' && node !== null && 'toJSON' in node
  return hasJson && typeof node.toJSON === 'function' ? node.toJSON() : node
}

function isSection(name: string): boolean {
  return fields.some((field) => field.name.startsWith(`${name}.`))
}

function suggestion(name: string): string {
  const lastWord = (known: string) => known.slice(known.lastIndexOf('.') + 1)
  const names = fields.map((field) => field.name)
  const sections = new Set(names.map((known) => known.slice(0, known.lastIndexOf('.'))))
  const similar =
    nearest(name, [...names, ...sections]) ??
    names.find((known) => lastWord(known) === nearest(lastWord(name), names.map(lastWord)))
  return similar === undefined ? '' : `; did you mean ${similar}?`
}
