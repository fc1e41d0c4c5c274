/** Where a value came from. */
export type Origin =
  | { readonly source: 'default' }
  | { readonly source: 'local' }
  | { readonly source: 'file'; readonly file: string; readonly line: number }
  | { readonly source: 'environment'; readonly variable: string }
  | { readonly source: 'flag'; readonly flag: string }

export interface ConfigProblem {
  /** The name of the setting; undefined if the whole file is invalid. */
  readonly setting?: string | undefined
  readonly origin?: Origin | undefined
  /** What is wrong, or what would be valid. Contains no secret. */
  readonly message: string
}

/** The configuration is invalid. The message lists every error on a line of its own. */
export class InvalidConfig extends Error {
  override readonly name = 'InvalidConfig'
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    const errors = problems.length === 1 ? 'one error' : `${problems.length} errors`
    const lines = problems.map((problem) => `\n  ${lineOf(problem)}`)
    super(`The configuration has ${errors}:${lines.join('')}`)
    this.problems = problems
  }
}

/** Describes where a value came from: the file and line, the variable, or the flag. */
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
