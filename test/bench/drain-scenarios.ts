/** Scenarios that drain a backlog. After each drain, Redis and the dead letters are checked. */
import { counted } from '../../src/cli/output/counted.ts'
import type { BenchContext, TopicOptions } from './bench-context.ts'
import { type DrainFigures, drain } from './drain.ts'
import { rowsOf, runInterleaved } from './interleaved-runs.ts'
import { countKeys, digestKeys } from './keys.ts'
import { type Namespace, withNamespace, withOtherGroup } from './namespace.ts'
import { whole } from './number-format.ts'
import type { Row } from './results.ts'
import { countRecords, type FilledTopic } from './topic.ts'
import type { WorkerName } from './worker-process.ts'

export interface DrainPlan {
  readonly topic: TopicOptions
  /** The workers that ours is compared with, on the same topic. */
  readonly references?: readonly WorkerName[]
  /** Drained into the same keys first, and not measured; then `topic` must not change anything. */
  readonly before?: TopicOptions
}

export const BOTH_REFERENCES = ['pipelined', 'straightforward'] as const

/** The straightforward worker is slow: it drains only the beginning of the topic. */
const MAX_STRAIGHTFORWARD_RECORDS = 50_000

/** Drains with our worker and the references, alternating, as often as `repeat` says. */
export async function runDrains(
  context: BenchContext,
  { topic, references = [], before }: DrainPlan,
): Promise<Row[]> {
  const rows = await drainInterleaved(context, ['group-traits', ...references], async (worker) =>
    before && worker === 'group-traits'
      ? drainOver(context, await context.topic(before), await context.topic(topic))
      : drainAlone(context, worker, await context.topic(topic)),
  )
  const { records } = await context.topic(topic)
  return rows.map((row) => {
    const drained = drainedRecords(row.ran, records)
    return drained < records ? { ...row, note: `only the first ${whole(drained)} events` } : row
  })
}

/** Measures kafkajs alone: no worker that reads with kafkajs can be faster. */
export function runCeilings(context: BenchContext, topic: TopicOptions): Promise<Row[]> {
  return drainInterleaved(context, ['fetch', 'fetch and parse'], async (worker) =>
    drainAlone(context, worker, await context.topic(topic)),
  )
}

async function drainInterleaved(
  { repeat }: BenchContext,
  workers: readonly WorkerName[],
  run: (worker: WorkerName) => Promise<DrainFigures>,
): Promise<Row[]> {
  const rate = ({ eventsPerSecond }: DrainFigures) => eventsPerSecond
  return rowsOf(await runInterleaved(workers, repeat, run, rate), rate)
}

async function drainAlone(
  context: BenchContext,
  worker: WorkerName,
  filled: FilledTopic,
): Promise<DrainFigures> {
  const records = drainedRecords(worker, filled.records)
  return withNamespace(context.servers, filled.topic, async (namespace) => {
    const figures = await drainAt(context, worker, namespace, records)
    if (worker === 'group-traits') await checkOurs(context, namespace, filled)
    if (worker === 'pipelined') await checkGroups(context, `${namespace.keyPrefix}group:*`, filled)
    return figures
  })
}

function drainedRecords(worker: string, records: number): number {
  return worker === 'straightforward' ? Math.min(records, MAX_STRAIGHTFORWARD_RECORDS) : records
}

async function drainOver(
  context: BenchContext,
  before: FilledTopic,
  filled: FilledTopic,
): Promise<DrainFigures> {
  return withNamespace(context.servers, before.topic, async (namespace) => {
    await drainAt(context, 'group-traits', namespace, before.records)
    await checkOurs(context, namespace, before)
    const state = () => digestKeys(context.servers.redis, `${namespace.keyPrefix}*`)
    const stateBefore = await state()
    const over = { ...withOtherGroup(namespace), topic: filled.topic }
    const figures = await drainAt(context, 'group-traits', over, filled.records)
    if ((await state()) !== stateBefore) {
      throw new Error('Draining the topic changed Redis, although it should change nothing')
    }
    return figures
  })
}

function drainAt(
  { servers, progress }: BenchContext,
  worker: WorkerName,
  namespace: Namespace,
  records: number,
): Promise<DrainFigures> {
  const onProgress = progress.step(`draining ${counted(records, 'event')} with ${worker}`, records)
  return drain(worker, servers, namespace, records, onProgress)
}

/** @throws Error if groups or dead letters are missing */
async function checkOurs(
  context: BenchContext,
  namespace: Namespace,
  filled: FilledTopic,
): Promise<void> {
  await checkGroups(context, `${namespace.keyPrefix}group:*:clock`, filled)
  const deadLetters = await countRecords(context.servers.admin, namespace.deadLetterTopic)
  // dead letters are written at least once: a rebalance may repeat some
  if (deadLetters < filled.invalid) {
    throw new Error(
      `${filled.invalid} events are invalid, but only ${deadLetters} have dead letters`,
    )
  }
}

async function checkGroups(
  { servers }: BenchContext,
  pattern: string,
  { groups }: FilledTopic,
): Promise<void> {
  const found = await countKeys(servers.redis, pattern)
  if (found !== groups) throw new Error(`${found} groups are in Redis, but ${groups} were sent`)
}
