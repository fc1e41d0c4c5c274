/** All scenarios, in the order in which they run. */
import { counted } from '../../src/cli/output/counted.ts'
import type { Compression } from './compression.ts'
import { BOTH_REFERENCES, type DrainPlan, playCeilings, playDrains } from './drain-scenarios.ts'
import { playLatency } from './latency-scenarios.ts'
import { playIdle, playStart, playStop } from './life-scenarios.ts'
import { playMemory } from './memory-scenario.ts'
import type { Row, ScenarioResult } from './results.ts'
import { playScript } from './script-scenario.ts'
import type { Stage, TopicWish } from './stage.ts'
import { EARLIER, HOT, INVALID, LARGE, PARTIAL, USUAL, uniform, WIDE } from './workloads.ts'

export interface Scenario {
  readonly name: string
  /** In one line. */
  readonly about: string
  /** Whether it runs where none is named. */
  readonly isDefault: boolean
  play(stage: Stage): Promise<readonly Row[]>
}

const usual: TopicWish = { workload: USUAL }

export const SCENARIOS: readonly Scenario[] = [
  ...[1, 4, 200].map((partitions) => {
    const about = `usual events: 50,000 groups, few of them hot; ${counted(partitions, 'partition')}`
    const topic = { workload: USUAL, partitions }
    return drains(`drain-${partitions}`, about, { topic, references: BOTH_REFERENCES })
  }),
  scenario(
    'ceilings',
    'kafkajs alone on drain-4: fetching, and fetching with JSON.parse',
    (stage) => playCeilings(stage, usual),
  ),
  drainsIfNamed('duplicates', 'drain-4 once more, by another consumer group into the same keys', {
    topic: usual,
    before: usual,
  }),
  drainsIfNamed('stale', 'events that are all older than what is in Redis', {
    topic: { workload: EARLIER },
    before: usual,
  }),
  scenario('stop', 'SIGTERM to exit, idle and draining, median of 5', (stage) =>
    playStop(stage, usual),
  ),
  drains('drain-uniform', 'as drain-4, but every group as likely as any other', {
    topic: { workload: uniform(50_000) },
    references: BOTH_REFERENCES,
  }),
  ...(['gzip', 'snappy', 'lz4', 'zstd'] as const).map(compressed),
  ...[4, 5, 6, 7].map((exponent) => {
    const groups = 10 ** exponent
    const about = `${groups.toLocaleString('en')} groups, each as likely as any other`
    return drainsIfNamed(`groups-1e${exponent}`, about, { topic: { workload: uniform(groups) } })
  }),
  drainsIfNamed('partial', 'each event says 1 of 50 traits', { topic: { workload: PARTIAL } }),
  drainsIfNamed('wide', 'each event says 500 traits; fewer events', { topic: { workload: WIDE } }),
  drainsIfNamed('large', 'each event says a value of 10 KB; fewer events', {
    topic: { workload: LARGE },
  }),
  drainsIfNamed('hot', 'one group, which is all in one of 4 partitions', {
    topic: { workload: HOT },
  }),
  drainsIfNamed('invalid', 'every event is rejected and dead-lettered', {
    topic: { workload: INVALID },
  }),
  ...[1000, 10_000].map((eventsPerSecond) =>
    scenario(
      `latency-${eventsPerSecond / 1000}k`,
      `producing to readable in Redis, at ${eventsPerSecond.toLocaleString('en')} events/s`,
      (stage) => playLatency(stage, eventsPerSecond),
    ),
  ),
  scenario('idle', 'CPU of a worker that has nothing to do, beside bare kafkajs', playIdle),
  scenario('start', 'spawn to the first event in Redis, median of 5', playStart),
  scenario('script', 'Redis CPU of the merge, beside a plain HSET of the same traits', playScript),
  scenario('memory', 'Redis bytes of a group, by kind of key, beside a plain HSET', playMemory),
]

/** The scenario of that name, else those whose names begin so; `all` is every one. */
export function scenariosNamed(name: string): readonly Scenario[] {
  if (name === 'all') return SCENARIOS
  const exact = SCENARIOS.filter((scenario) => scenario.name === name)
  return exact.length > 0 ? exact : SCENARIOS.filter((scenario) => scenario.name.startsWith(name))
}

/** Whether these are of a whole run: of all that run where none is named, and none failed. */
export function isWhole(results: readonly ScenarioResult[]): boolean {
  const measured = new Set(results.map(({ scenario }) => scenario))
  const isComplete = SCENARIOS.every(({ name, isDefault }) => !isDefault || measured.has(name))
  return isComplete && results.every(({ failure }) => failure === undefined)
}

function compressed(compression: Compression): Scenario {
  const about = `as drain-4, compressed with ${compression}`
  // for memory above all: one of them tells, the others are for who asks
  const topic = { workload: USUAL, compression }
  return (compression === 'zstd' ? drains : drainsIfNamed)(`drain-${compression}`, about, { topic })
}

function drains(name: string, about: string, plan: DrainPlan): Scenario {
  return scenario(name, about, (stage) => playDrains(stage, plan))
}

function drainsIfNamed(name: string, about: string, plan: DrainPlan): Scenario {
  return { ...drains(name, about, plan), isDefault: false }
}

function scenario(name: string, about: string, play: Scenario['play']): Scenario {
  return { name, about, isDefault: true, play }
}
