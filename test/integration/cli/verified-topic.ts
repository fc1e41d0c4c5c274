/** A topic for tests of `verify`, its workers' environment, and the --json output as types. */
import { readFileSync } from 'node:fs'
import { inject } from 'vitest'
import { loadConfig } from '../../../src/app/config/loader.ts'
import type { KafkaSettings } from '../../../src/kafka/client/settings.ts'
import { type Environment, ownEnvironment } from '../../setup/cli/command-line.ts'
import { runCli } from '../../setup/cli/run-cli.ts'
import { committed, makeTopic, produce, settingsFor, withAdmin } from '../../setup/kafka/topics.ts'
import { until } from '../../setup/waiting.ts'

export interface VerifiedTopic {
  readonly environment: ReturnType<typeof ownEnvironment>
  readonly settings: KafkaSettings
  /** Produces events to the partitions in turn. */
  send(events: readonly object[]): Promise<void>
  /** Resolves once the workers have committed the whole topic. */
  caughtUp(): Promise<void>
}

export async function makeVerifiedTopic(
  changes: Environment = {},
  config: Record<string, string> = {},
): Promise<VerifiedTopic> {
  const environment = { ...ownEnvironment(), ...changes }
  const { KAFKA_TOPIC: topic } = environment
  const settings = { ...settingsFor(inject('kafkaBrokers')), topic, groupId: topic }
  await makeTopic(settings, PARTITIONS, config)
  return {
    environment,
    settings,
    send: (events) =>
      produce(
        settings,
        events.map((event, i) => ({
          key: `key${i}`,
          partition: i % PARTITIONS,
          value: JSON.stringify(event),
        })),
      ),
    caughtUp: async () => {
      await until('the workers have caught up', async () => {
        const ends = await withAdmin(settings, (admin) => admin.fetchTopicOffsets(topic))
        const commits = await committed(settings)
        if (ends.every(({ partition, high }) => high === '0' || commits[partition] === high)) {
          return true
        }
        throw new Error(JSON.stringify({ ends, commits }))
      })
    },
  }
}

const PARTITIONS = 2

export function event(groupId: string, userId: string, traits: object, more: object = {}): object {
  return { group_id: groupId, user_id: userId, traits, timestamp: '2024-01-01T00:00:00Z', ...more }
}

/** Events of few groups, so that they overlap. Clocks are later in each round. */
export function someEvents(count: number, groups: number, round = 0): object[] {
  return Array.from({ length: count }, (_, i) => {
    const at = Date.UTC(2024, 0, 1) + round * 1000 + ((i * 7919) % 1000)
    const more = { timestamp: new Date(at).toISOString(), assigned: i % 7 > 0 }
    const traits = { [`t${i % 5}`]: i % 11 === 0 ? null : `v${i}`, plan: `p${i % 3}` }
    return event(`group${i % groups}`, `user${(i * 31) % 50}`, traits, more)
  })
}

export function keyOf(topic: VerifiedTopic, groupId: string): string {
  return `${topic.environment.REDIS_GROUP_PREFIX}{${groupId}}`
}

export function configOf(environment: Environment) {
  return loadConfig({
    ...{ file: undefined, environment, flags: new Map(), needsKafka: true },
    localEndpoints: undefined,
    readFile: (path) => readFileSync(path, 'utf8'),
  })
}

export interface VerifyOutcome {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  readonly verdict: VerdictJson
}

export interface VerdictJson {
  readonly groups: number
  readonly passes: number
  readonly differences: FindingsJson
  readonly unverifiable: FindingsJson
  readonly unknowable: { readonly removed: Record<string, number>; readonly isCompacted: boolean }
}

interface FindingsJson {
  readonly groups: number
  readonly count: number
  readonly first: readonly {
    readonly group: string
    readonly kind: string
    readonly name: string
    readonly expected: string | null
    readonly found: string | null
  }[]
}

export async function runVerify(
  environment: Environment,
  ...args: readonly string[]
): Promise<VerifyOutcome> {
  const outcome = await runCli(['verify', '--json', ...args], environment)
  const verdict: VerdictJson = JSON.parse(outcome.stdout === '' ? '{}' : outcome.stdout)
  return { ...outcome, verdict }
}
