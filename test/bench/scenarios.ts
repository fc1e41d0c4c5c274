/** All scenarios, in the order in which they run. */
import { counted } from '../../src/cli/output/counted.ts'
import type { BenchContext, TopicOptions } from './bench-context.ts'
import type { Compression } from './compression.ts'
import { BOTH_REFERENCES, type DrainPlan, runCeilings, runDrains } from './drain-scenarios.ts'
import { runLatency } from './latency-scenarios.ts'
import { runIdle, runStart, runStop } from './lifecycle-scenarios.ts'
import { runMemory } from './memory-scenario.ts'
import type { Row, ScenarioResult } from './results.ts'
import { runScript } from './script-scenario.ts'
import { EARLIER, HOT, INVALID, LARGE, PARTIAL, USUAL, uniform, WIDE } from './workloads.ts'

export interface Scenario {
  readonly name: string
  /** A description in one line. */
  readonly about: string
  /** Whether it runs if no scenario is named. */
  readonly isDefault: boolean
  run(context: BenchContext): Promise<readonly Row[]>
}

const usual: TopicOptions = { workload: USUAL }

export const SCENARIOS: readonly Scenario[] = [
  ...[1, 4, 200].map((partitions) => {
    const about = `usual events: 50,000 groups, a few of them hot; ${counted(partitions, 'partition')}`
    const topic = { workload: USUAL, partitions }
    return drains(`drain-${partitions}`, about, { topic, references: BOTH_REFERENCES })
  }),
  scenario(
    'ceilings',
    'kafkajs alone on drain-4: fetching, and fetching with JSON.parse',
    (context) => runCeilings(context, usual),
  ),
  drainsIfNamed('duplicates', 'drain-4 again, by another consumer group into the same keys', {
    topic: usual,
    before: usual,
  }),
  drainsIfNamed('stale', 'all events are older than the state in Redis', {
    topic: { workload: EARLIER },
    before: usual,
  }),
  scenario('stop', 'SIGTERM to exit, idle and draining, median of 5', (context) =>
    runStop(context, usual),
  ),
  drains('drain-uniform', 'as drain-4, but all groups are equally likely', {
    topic: { workload: uniform(50_000) },
    references: BOTH_REFERENCES,
  }),
  ...(['gzip', 'snappy', 'lz4', 'zstd'] as const).map(compressed),
  ...[4, 5, 6, 7].map((exponent) => {
    const groups = 10 ** exponent
    const about = `${groups.toLocaleString('en')} groups, all equally likely`
    return drainsIfNamed(`groups-1e${exponent}`, about, { topic: { workload: uniform(groups) } })
  }),
  drainsIfNamed('partial', 'each event has 1 of 50 traits', { topic: { workload: PARTIAL } }),
  drainsIfNamed('wide', 'each event has 500 traits; fewer events', { topic: { workload: WIDE } }),
  drainsIfNamed('large', 'each event has a value of 10 KB; fewer events', {
    topic: { workload: LARGE },
  }),
  drainsIfNamed('hot', 'all events are of one group, so in one of 4 partitions', {
    topic: { workload: HOT },
  }),
  drainsIfNamed('invalid', 'every event is rejected and dead-lettered', {
    topic: { workload: INVALID },
  }),
  ...[1000, 10_000].map((eventsPerSecond) =>
    scenario(
      `latency-${eventsPerSecond / 1000}k`,
      `from producing to readable in Redis, at ${eventsPerSecond.toLocaleString('en')} events/s`,
      (context) => runLatency(context, eventsPerSecond),
    ),
  ),
  scenario('idle', 'CPU of an idle worker, compared with bare kafkajs', runIdle),
  scenario('start', 'from spawn to the first event in Redis, median of 5', runStart),
  scenario('script', 'Redis CPU of the merge, compared with a plain HSET', runScript),
  scenario(
    'memory',
    'Redis memory of a group by kind of key, compared with a plain HSET',
    runMemory,
  ),
]

/** Returns the scenario of that name, else those whose names begin with it; all for `all`. */
export function scenariosNamed(name: string): readonly Scenario[] {
  if (name === 'all') return SCENARIOS
  const exact = SCENARIOS.filter((scenario) => scenario.name === name)
  return exact.length > 0 ? exact : SCENARIOS.filter((scenario) => scenario.name.startsWith(name))
}

/** Whether the results are of a whole run: all default scenarios ran, and none failed. */
export function isWhole(results: readonly ScenarioResult[]): boolean {
  const measured = new Set(results.map(({ scenario }) => scenario))
  const isComplete = SCENARIOS.every(({ name, isDefault }) => !isDefault || measured.has(name))
  return isComplete && results.every(({ failure }) => failure === undefined)
}

function compressed(compression: Compression): Scenario {
  const about = `as drain-4, compressed with ${compression}`
  // these are mainly about memory: by default, one codec is enough
  const topic = { workload: USUAL, compression }
  return (compression === 'zstd' ? drains : drainsIfNamed)(`drain-${compression}`, about, { topic })
}

function drains(name: string, about: string, plan: DrainPlan): Scenario {
  return scenario(name, about, (context) => runDrains(context, plan))
}

function drainsIfNamed(name: string, about: string, plan: DrainPlan): Scenario {
  return { ...drains(name, about, plan), isDefault: false }
}

function scenario(name: string, about: string, run: Scenario['run']): Scenario {
  return { name, about, isDefault: true, run }
}
