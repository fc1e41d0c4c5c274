/**
 * Says whether Redis and the dead letters hold exactly what the topic says, once the workers
 * have committed all of it.
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
  compareLetters,
  type Difference,
  describe,
  type Letter,
  letterOf,
} from './differences.ts'
import { createWitness, emptyTruth, type Truth } from './expected-state.ts'
import type { Load } from './load.ts'
import { contentsOf, readContents } from './redis-contents.ts'

export interface Oracle {
  /** Resolves once the consumer group has committed the ends of all partitions. */
  drained(deadlineMs?: number): Promise<void>
  /**
   * What the topic says now, added to `truth`: for records that were merged and will not be in
   * the topic any more when it is compared.
   */
  readTopic(truth?: Truth): Promise<Truth>
  /** Waits for `drained`, and compares. */
  check(expectation?: Expectation): Promise<Verdict>
}

export interface Expectation {
  /** Of records that count, but that the topic no longer has. It is added to. */
  readonly earlier?: Truth
  readonly deadlineMs?: number
}

export interface Verdict {
  /** In the topic, and of these how many were events or erasures. */
  readonly records: number
  readonly accepted: number
  readonly rejected: number
  readonly groups: number
  readonly deadLetters: number
  readonly differences: readonly Difference[]
}

export interface OracleOptions {
  /** As of the workers, but with addresses that no fault touches. */
  readonly config: Config
  readonly redis: Redis
  readonly load: Load
}

export function createOracle({ config, redis, load }: OracleOptions): Oracle {
  const { kafka } = config
  const testify = createWitness(config.events)

  const readTopic = async (truth = emptyTruth()) => {
    await scanTopic({
      settings: kafka,
      log: silentLog,
      onRecords: (partition, records) => testify(truth, partition, records),
    })
    return truth
  }
  const readLetters = async () => {
    const letters: Letter[] = []
    await scanTopic({
      settings: { ...kafka, topic: kafka.deadLetterTopic },
      log: silentLog,
      onRecords: (_, records) => {
        letters.push(...records.map(letterOf))
      },
    })
    return letters
  }
  const drained = async (deadlineMs = DRAIN_DEADLINE_MS) => {
    await until('the workers have committed all of the topic', () => isDrained(config), deadlineMs)
  }
  return {
    drained,
    readTopic,
    async check({ earlier, deadlineMs } = {}) {
      await drained(deadlineMs)
      const truth = await readTopic(earlier)
      const letters = await readLetters()
      const contents = await readContents(redis, config.redis)
      // where the topic lost records on purpose, those of the load are not all there
      const missing = earlier === undefined ? missingOf(load, truth) : []
      return {
        records: truth.records,
        accepted: truth.accepted,
        rejected: truth.rejected.size,
        groups: truth.states.size,
        deadLetters: letters.length,
        differences: [
          ...missing,
          ...compareContents(contentsOf(truth.states.values(), config.redis), contents),
          ...compareLetters(truth.rejected, letters),
        ],
      }
    },
  }
}

const DRAIN_DEADLINE_MS = 60_000
const POLL_MS = 150

/** @throws with how far it is where it is not */
async function isDrained({ kafka }: Config): Promise<true> {
  const offsets = await readOffsets(kafka, silentLog)
  const behind = offsets.filter(({ next, end }) => next !== end)
  if (behind.length === 0) return true
  await sleep(POLL_MS)
  const positions = behind.map(({ partition, next, end }) => `${partition}: ${next} of ${end}`)
  throw new Error(`committed so far: ${positions.join(', ')}`)
}

function missingOf({ acknowledged }: Load, { numbers }: Truth): Difference[] {
  return Array.from(acknowledged)
    .filter((number) => !numbers.has(number))
    .map((number) => ({ kind: 'acknowledged, but not in the topic', number }))
}

const MOST_SHOWN = 10

/** @throws with the first few, where there are any */
export function expectNoDifference({ differences, ...figures }: Verdict): void {
  if (differences.length === 0) return
  const lines = differences.slice(0, MOST_SHOWN).map((difference) => `\n  ${describe(difference)}`)
  const more = differences.length > MOST_SHOWN ? '\n  …' : ''
  throw new Error(
    `${differences.length} differences (${JSON.stringify(figures)}):${lines.join('')}${more}`,
  )
}
