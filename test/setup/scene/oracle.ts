/**
 * Compares Redis and the dead-letter topic with the expected state, which is the fold of the
 * topic. Waits first until the workers have committed the whole topic.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import type { Config } from '../../../src/app/config/config.ts'
import { readOffsets } from '../../../src/kafka/topics/offsets.ts'
import { scanTopic } from '../../../src/kafka/topics/scan.ts'
import { silentLog } from '../logs.ts'
import { until } from '../waiting.ts'
import {
  compareContents,
  compareDeadLetters,
  type DeadLetter,
  type Difference,
  deadLetterOf,
  describeDifference,
} from './differences.ts'
import { createRecordFold, type ExpectedState, emptyExpectedState } from './expected-state.ts'
import type { Load } from './load.ts'
import { expectedContents, readContents } from './redis-contents.ts'

export interface Oracle {
  /** Resolves once the consumer group has committed the end offsets of all partitions. */
  untilDrained(timeoutMs?: number): Promise<void>
  /**
   * Folds the topic's present records, into `earlier` if given. Call it before records are removed
   * from the topic, and hand the result to `check`.
   */
  readTopic(earlier?: ExpectedState): Promise<ExpectedState>
  /** Waits until the topic is drained, then compares. */
  check(options?: CheckOptions): Promise<Verdict>
}

export interface CheckOptions {
  /** The fold of records that the topic no longer has (`readTopic`). `check` adds to it. */
  readonly earlier?: ExpectedState
  readonly timeoutMs?: number
}

export interface Verdict {
  /** Records in the topic. */
  readonly records: number
  /** How many of them were group events or erasures. */
  readonly accepted: number
  readonly rejected: number
  readonly groups: number
  readonly deadLetters: number
  readonly differences: readonly Difference[]
}

export interface OracleOptions {
  /** The workers' configuration, but with addresses that no fault affects. */
  readonly config: Config
  readonly redis: Redis
  readonly load: Load
}

export function createOracle({ config, redis, load }: OracleOptions): Oracle {
  const { kafka } = config
  const addRecords = createRecordFold(config.events)

  const readTopic = async (expected = emptyExpectedState()) => {
    await scanTopic({
      settings: kafka,
      log: silentLog,
      onRecords: (partition, records) => addRecords(expected, partition, records),
    })
    return expected
  }
  const readDeadLetters = async () => {
    const deadLetters: DeadLetter[] = []
    await scanTopic({
      settings: { ...kafka, topic: kafka.deadLetterTopic },
      log: silentLog,
      onRecords: (_, records) => {
        deadLetters.push(...records.map(deadLetterOf))
      },
    })
    return deadLetters
  }
  const untilDrained = async (timeoutMs = DRAIN_TIMEOUT_MS) => {
    await until('the workers have committed the whole topic', () => isDrained(config), timeoutMs)
  }
  return {
    untilDrained,
    readTopic,
    async check({ earlier, timeoutMs } = {}) {
      await untilDrained(timeoutMs)
      const expected = await readTopic(earlier)
      const deadLetters = await readDeadLetters()
      const contents = await readContents(redis, config.redis)
      // if a test removed records from the topic, acknowledged ones are missing on purpose
      const missing = earlier === undefined ? missingOf(load, expected) : []
      return {
        records: expected.records,
        accepted: expected.accepted,
        rejected: expected.rejected.size,
        groups: expected.states.size,
        deadLetters: deadLetters.length,
        differences: [
          ...missing,
          ...compareContents(expectedContents(expected.states.values(), config.redis), contents),
          ...compareDeadLetters(expected.rejected, deadLetters),
        ],
      }
    },
  }
}

const DRAIN_TIMEOUT_MS = 60_000
const POLL_MS = 150

/** @throws with the committed offsets, if some partition is behind */
async function isDrained({ kafka }: Config): Promise<true> {
  const offsets = await readOffsets(kafka, silentLog)
  const behind = offsets.filter(({ next, end }) => next !== end)
  if (behind.length === 0) return true
  await sleep(POLL_MS)
  const positions = behind.map(({ partition, next, end }) => `${partition}: ${next} of ${end}`)
  throw new Error(`committed so far: ${positions.join(', ')}`)
}

function missingOf({ acknowledged }: Load, { numbers }: ExpectedState): Difference[] {
  return Array.from(acknowledged)
    .filter((number) => !numbers.has(number))
    .map((number) => ({ kind: 'acknowledged, but not in the topic', number }))
}

const MAX_SHOWN = 10

/** @throws with the first differences, if there are any */
export function expectNoDifference({ differences, ...figures }: Verdict): void {
  if (differences.length === 0) return
  const lines = differences
    .slice(0, MAX_SHOWN)
    .map((difference) => `\n  ${describeDifference(difference)}`)
  const more = differences.length > MAX_SHOWN ? '\n  …' : ''
  throw new Error(
    `${differences.length} differences (${JSON.stringify(figures)}):${lines.join('')}${more}`,
  )
}
