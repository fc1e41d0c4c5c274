/** Where a value came from. */
export type Origin =
  | { readonly source: 'default' }
  | { readonly source: 'local' }
  | { readonly source: 'file'; readonly file: string; readonly line: number }
  | { readonly source: 'environment'; readonly variable: string }
  | { readonly source: 'flag'; readonly flag: string }

export interface ConfigProblem {
  /** Name of the setting; undefined where the whole file is at fault. */
  readonly setting?: string | undefined
  readonly origin?: Origin | undefined
  /** What is wrong, or what would be right. Never a secret. */
  readonly message: string
}

/** The configuration is wrong; the message lists all that is, a line each. */
export class InvalidConfig extends Error {
  override readonly name = 'InvalidConfig'
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    const places = problems.length === 1 ? 'one place' : `${problems.length} places`
    const lines = problems.map((problem) => `\n  ${lineOf(problem)}`)
    super(`The configuration is wrong in ${places}:${lines.join('')}`)
    this.problems = problems
  }
}

/** Where a value came from, for people: the file and line, the variable, the flag. */
export function originText(origin: Origin): string {
  switch (origin.source) {
    case 'default':
      return 'default'
    case 'local':
      return 'local stack'
    case 'file':
      return `${origin.file}:${origin.line}`
    case 'environment':
      return origin.variable
    case 'flag':
      return origin.flag
    default:
      return origin satisfies never
  }
}

function lineOf({ setting, origin, message }: ConfigProblem): string {
  const from = origin === undefined ? '' : originText(origin)
  if (setting === undefined) return `${from}: ${message}`
  return from === '' ? `${setting}: ${message}` : `${setting} (${from}): ${message}`
}
