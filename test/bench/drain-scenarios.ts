/** Scenarios of a backlog that is drained; what came out of it is checked each time. */
import { counted } from '../../src/cli/output/counted.ts'
import { type DrainFigures, drain } from './drain.ts'
import { countKeys, digestKeys } from './keys.ts'
import { whole } from './numbers.ts'
import { again, atPlace, type Place } from './place.ts'
import type { Row } from './results.ts'
import type { Stage, TopicWish } from './stage.ts'
import { countRecords, type FilledTopic } from './topic.ts'
import { rowsOf, takeTurns } from './turns.ts'
import type { WorkerName } from './worker-process.ts'

export interface DrainPlan {
  readonly topic: TopicWish
  /** What ours is compared with, on the same topic. */
  readonly references?: readonly WorkerName[]
  /** Drained into the same keys before, uncounted: then the topic must not change anything. */
  readonly before?: TopicWish
}

export const BOTH_REFERENCES = ['pipelined', 'straightforward'] as const

/** The straightforward worker is slow: a part of the topic tells as much. */
const MAX_STRAIGHTFORWARD_RECORDS = 50_000

/** Drains with ours and with each reference by turns, as often as the stage says. */
export async function playDrains(
  stage: Stage,
  { topic, references = [], before }: DrainPlan,
): Promise<Row[]> {
  const rows = await drainByTurns(stage, ['group-traits', ...references], async (worker) =>
    before && worker === 'group-traits'
      ? drainOver(stage, await stage.topic(before), await stage.topic(topic))
      : drainAlone(stage, worker, await stage.topic(topic)),
  )
  const { records } = await stage.topic(topic)
  return rows.map((row) => {
    const drained = drainedRecords(row.ran, records)
    return drained < records ? { ...row, note: `its first ${whole(drained)} events only` } : row
  })
}

/** The speed of kafkajs alone, which nothing that reads with it can exceed. */
export function playCeilings(stage: Stage, topic: TopicWish): Promise<Row[]> {
  return drainByTurns(stage, ['fetch', 'fetch and parse'], async (worker) =>
    drainAlone(stage, worker, await stage.topic(topic)),
  )
}

async function drainByTurns(
  { repeat }: Stage,
  workers: readonly WorkerName[],
  run: (worker: WorkerName) => Promise<DrainFigures>,
): Promise<Row[]> {
  const rate = ({ eventsPerSecond }: DrainFigures) => eventsPerSecond
  return rowsOf(await takeTurns(workers, repeat, run, rate), rate)
}

async function drainAlone(
  stage: Stage,
  worker: WorkerName,
  filled: FilledTopic,
): Promise<DrainFigures> {
  const records = drainedRecords(worker, filled.records)
  return atPlace(stage.servers, filled.topic, async (place) => {
    const figures = await drainAt(stage, worker, place, records)
    if (worker === 'group-traits') await checkOurs(stage, place, filled)
    if (worker === 'pipelined') await checkGroups(stage, `${place.keyPrefix}group:*`, filled)
    return figures
  })
}

function drainedRecords(worker: string, records: number): number {
  return worker === 'straightforward' ? Math.min(records, MAX_STRAIGHTFORWARD_RECORDS) : records
}

async function drainOver(
  stage: Stage,
  before: FilledTopic,
  filled: FilledTopic,
): Promise<DrainFigures> {
  return atPlace(stage.servers, before.topic, async (place) => {
    await drainAt(stage, 'group-traits', place, before.records)
    await checkOurs(stage, place, before)
    const state = () => digestKeys(stage.servers.redis, `${place.keyPrefix}*`)
    const stateBefore = await state()
    const over = { ...again(place), topic: filled.topic }
    const figures = await drainAt(stage, 'group-traits', over, filled.records)
    if ((await state()) !== stateBefore) {
      throw new Error('What should have changed nothing in Redis did change something')
    }
    return figures
  })
}

function drainAt(
  { servers, progress }: Stage,
  worker: WorkerName,
  place: Place,
  records: number,
): Promise<DrainFigures> {
  const onProgress = progress.step(`draining ${counted(records, 'event')} with ${worker}`, records)
  return drain(worker, servers, place, records, onProgress)
}

/** @throws where Redis or the dead letters do not hold what was sent */
async function checkOurs(stage: Stage, place: Place, filled: FilledTopic): Promise<void> {
  await checkGroups(stage, `${place.keyPrefix}group:*:clock`, filled)
  const deadLetters = await countRecords(stage.servers.admin, place.deadLetterTopic)
  // at least once: a rebalance may repeat some
  if (deadLetters < filled.invalid) {
    throw new Error(`${deadLetters} dead letters were written, of ${filled.invalid} events`)
  }
}

async function checkGroups(
  { servers }: Stage,
  pattern: string,
  { groups }: FilledTopic,
): Promise<void> {
  const found = await countKeys(servers.redis, pattern)
  if (found !== groups) throw new Error(`${found} groups are in Redis, ${groups} were sent`)
}
