/** A topic whose state in Redis is verified. */
import { inject } from 'vitest'
import type { KafkaSettings } from '../../../src/kafka/settings.ts'
import { until } from '../../setup/waiting.ts'
import { runCli } from '../../unit/cli/run-cli.ts'
import { committed, makeTopic, produce, settingsFor, withAdmin } from '../kafka/fixture.ts'
import { type Environment, ownEnvironment } from './command-line.ts'

export interface VerifiedTopic {
  readonly environment: ReturnType<typeof ownEnvironment>
  readonly settings: KafkaSettings
  /** Sends events, one after the other, to the partitions in turn. */
  send(events: readonly object[]): Promise<void>
  /** Resolves once the workers have committed all that is in the topic. */
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
        return ends.every(({ partition, high }) => high === '0' || commits[partition] === high)
      })
    },
  }
}

const PARTITIONS = 2

export function event(groupId: string, userId: string, traits: object, more: object = {}): object {
  return { group_id: groupId, user_id: userId, traits, timestamp: '2024-01-01T00:00:00Z', ...more }
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
