import { parseArgs } from 'node:util'
import { EarlyEnd, NOT_RETRIABLE } from './early-end.ts'
import { PART_RESULTS, WHOLE_RESULTS } from './results.ts'
import { SCENARIOS, type Scenario, scenariosNamed } from './scenarios.ts'

export type Wish =
  | { readonly kind: 'help' }
  | { readonly kind: 'list' }
  | { readonly kind: 'plot'; readonly results: string }
  | MeasureWish

export interface MeasureWish {
  readonly kind: 'measure'
  readonly scenarios: readonly Scenario[]
  readonly events: number
  readonly seed: number
  readonly repeat: number
  /** Where the results go; undefined: it depends on how the run comes out. */
  readonly results: string | undefined
}

export const HELP = `Measures the worker, beside what it is compared with.

    npm run bench -- [--scenario NAME]… [--events 600000] [--repeat 1] [--seed 42]
    npm run bench -- --list
    npm run bench -- --plot

  --scenario NAME  that one, or those that begin so (drain, groups, latency), or all; again
                   for more; without it a set that takes some ten minutes
  --events N       how many events are drained; fewer where they are large
  --repeat N       measures draining and latency N times, by turns with the references, and tells
                   the median. The scenarios stop, idle, start, script and memory ignore it.
  --seed N         of the generated events
  --results FILE   where the figures go, or with --plot come from. Without it a whole run writes
                   ${WHOLE_RESULTS}; one of chosen scenarios, or in which one
                   failed, writes ${PART_RESULTS}.
  --plot           measures nothing: draws docs/speed.svg from the results of a whole run
  --list           names the scenarios

On the Kafka and Redis of KAFKA_BROKERS and REDIS_URL where both are set, else on a local stack
of its own, which is gone after.`

/** A wrong call, told as what is wrong and what to do. */
export class WrongArguments extends EarlyEnd {
  constructor(message: string) {
    super(`${message}\nnpm run bench -- --help tells more.`, NOT_RETRIABLE)
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

/** @throws WrongArguments */
export function parseArguments(args: readonly string[]): Wish {
  const values = valuesOf(args)
  if (values.help) return { kind: 'help' }
  if (values.list) return { kind: 'list' }
  const { results } = values
  if (values.plot) {
    const extra = MEASURING.find((option) => values[option] !== undefined)
    if (extra !== undefined) {
      throw new WrongArguments(`--plot draws earlier results and measures nothing: no --${extra}`)
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
    throw new WrongArguments(error instanceof Error ? error.message : String(error))
  }
}

/** In the order of all scenarios, each once. */
function chosen(names: readonly string[]): readonly Scenario[] {
  if (names.length === 0) return SCENARIOS.filter(({ isDefault }) => isDefault)
  const found = new Set<Scenario>()
  for (const name of names) {
    if (name === '') throw new WrongArguments('--scenario takes a name: see --list')
    const named = scenariosNamed(name)
    if (named.length === 0) throw new WrongArguments(`No scenario is named ${name}: see --list`)
    for (const scenario of named) found.add(scenario)
  }
  return SCENARIOS.filter((scenario) => found.has(scenario))
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value > 0) return value
  throw new WrongArguments(`${option} is a whole number from 1, not "${text}"`)
}
