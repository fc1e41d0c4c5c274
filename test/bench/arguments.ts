import { parseArgs } from 'node:util'
import { BenchError, EXIT_USAGE } from './bench-error.ts'
import { PART_RESULTS, WHOLE_RESULTS } from './results.ts'
import { SCENARIOS, type Scenario, scenariosNamed } from './scenarios.ts'

export type Command =
  | { readonly kind: 'help' }
  | { readonly kind: 'list' }
  | { readonly kind: 'plot'; readonly results: string }
  | MeasureCommand

export interface MeasureCommand {
  readonly kind: 'measure'
  readonly scenarios: readonly Scenario[]
  readonly events: number
  readonly seed: number
  readonly repeat: number
  /** The file for the results; undefined: it depends on whether the run is whole. */
  readonly results: string | undefined
}

export const HELP = `Measures the worker and the reference workers that it is compared with.

    npm run bench -- [--scenario NAME]… [--events 600000] [--repeat 1] [--seed 42]
    npm run bench -- --list
    npm run bench -- --plot

  --scenario NAME  runs the scenario of this name, or all whose names begin with it (drain,
                   groups, latency), or every one (all). May be repeated. Without it, the default
                   scenarios run, which takes some ten minutes.
  --events N       the number of events to drain; scenarios with large events use fewer
  --repeat N       measures draining and latency N times, alternating with the references, and
                   reports the median. The scenarios stop, idle, start, script and memory ignore it.
  --seed N         the seed of the generated events
  --results FILE   the file to write the results to, or to read them from with --plot. Default:
                   ${WHOLE_RESULTS} if all default scenarios succeeded,
                   else ${PART_RESULTS}.
  --plot           measures nothing; draws docs/speed.svg from the results of a whole run
  --list           lists the scenarios

Uses the Kafka at KAFKA_BROKERS and the Redis at REDIS_URL if both are set, else starts a local
stack of its own and removes it at the end.`

/** Wrong arguments; the message says what is wrong and what to do. */
export class UsageError extends BenchError {
  constructor(message: string) {
    super(`${message}\nSee npm run bench -- --help.`, EXIT_USAGE)
  }
}

const OPTIONS = {
  scenario: { type: 'string', multiple: true },
  events: { type: 'string' },
  repeat: { type: 'string' },
  seed: { type: 'string' },
  results: { type: 'string' },
  plot: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

const MEASURING = ['scenario', 'events', 'repeat', 'seed'] as const

/** @throws UsageError */
export function parseArguments(args: readonly string[]): Command {
  const values = valuesOf(args)
  if (values.help) return { kind: 'help' }
  if (values.list) return { kind: 'list' }
  const { results } = values
  if (values.plot) {
    const extra = MEASURING.find((option) => values[option] !== undefined)
    if (extra !== undefined) {
      throw new UsageError(`--plot draws earlier results and measures nothing: remove --${extra}`)
    }
    return { kind: 'plot', results: results ?? WHOLE_RESULTS }
  }
  return {
    kind: 'measure',
    scenarios: chosen(values.scenario ?? []),
    events: wholeNumber('--events', values.events ?? '600000'),
    seed: wholeNumber('--seed', values.seed ?? '42'),
    repeat: wholeNumber('--repeat', values.repeat ?? '1'),
    results,
  }
}

function valuesOf(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** Returns the named scenarios, each once, in the order of SCENARIOS. */
function chosen(names: readonly string[]): readonly Scenario[] {
  if (names.length === 0) return SCENARIOS.filter(({ isDefault }) => isDefault)
  const found = new Set<Scenario>()
  for (const name of names) {
    if (name === '') throw new UsageError('--scenario needs a name: see --list')
    const named = scenariosNamed(name)
    if (named.length === 0) throw new UsageError(`There is no scenario ${name}: see --list`)
    for (const scenario of named) found.add(scenario)
  }
  return SCENARIOS.filter((scenario) => found.has(scenario))
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value > 0) return value
  throw new UsageError(`${option} must be a whole number from 1 on, not "${text}"`)
}
