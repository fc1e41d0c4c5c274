/** Workers on a Redis of the test's own that loses acknowledged writes, and what they log about it. */
import { expect, inject, onTestFinished } from 'vitest'
import { readOffsets } from '../../src/kafka/topics/offsets.ts'
import { checkpointKey } from '../../src/redis/keys.ts'
import { produce } from '../setup/kafka/topics.ts'
import { silentLog } from '../setup/logs.ts'
import { type CheckOptions, expectNoDifference, type Verdict } from '../setup/scene/oracle.ts'
import type { Scene, SceneOptions } from '../setup/scene/scene.ts'
import { openScene } from '../setup/scene/test-scene.ts'
import { logOf, partitionsOf } from '../setup/scene/worker-status.ts'
import { type OwnRedis, type OwnRedisOptions, startOwnRedis } from '../setup/servers/own-redis.ts'
import { until } from '../setup/waiting.ts'
import type { LogLine, WorkerProcess } from '../setup/worker/worker-process.ts'

export interface SceneWithRedis {
  readonly scene: Scene
  readonly redis: OwnRedis
}

export async function openSceneWithRedis({
  redis: options,
  ...scene
}: Partial<SceneOptions> &
  Pick<SceneOptions, 'partitions'> & { redis?: OwnRedisOptions }): Promise<SceneWithRedis> {
  const redis = await startOwnRedis(inject('redisServer'), options)
  onTestFinished(() => redis.stop())
  return { redis, scene: await openScene({ redisUrl: redis.url, ...scene }) }
}

/** Resolves once each of the workers has that many partitions. */
export async function untilShared(
  workers: readonly WorkerProcess[],
  partitions: number,
): Promise<void> {
  await until('the workers share the partitions', () =>
    workers.every((worker) => partitionsOf(worker)?.length === partitions),
  )
}

/** Sends that many records and waits until the workers have merged and committed them. */
export async function sendAndDrain({ load, oracle }: Scene, records: number): Promise<void> {
  await load.send(records)
  await oracle.untilDrained()
}

/** Returns an event of the given group. */
export function eventOf(group_id: string): string {
  const timestamp = '2025-06-01T00:00:00Z'
  return JSON.stringify({ group_id, user_id: 'somebody', traits: { plan: 'free' }, timestamp })
}

/** Produces events of that many groups at once, which makes a batch with many calls of Redis. */
export async function produceGroups({ config: { kafka } }: Scene, count: number): Promise<void> {
  await produce(
    kafka,
    Array.from({ length: count }, (_, i) => ({ value: eventOf(`big ${i}`) })),
  )
}

/** The text that a worker logs once for each loss. */
export const LOSS = 'Redis lost writes'

/** One partition of a loss, as logged. */
export interface LossReport {
  readonly partition: number
  readonly appliedUpTo: string
  readonly redisHas: string
  readonly goneFromTopic?: string
}

/** The losses in the worker's log, in order; expects level error. */
export function lossReports(worker: WorkerProcess): LossReport[] {
  return worker.saying(LOSS).flatMap((line) => {
    expect(line.level).toBe('error')
    return line.partitions as LossReport[]
  })
}

/** Waits for a loss in the log, expects that it is the only one, and returns its partitions. */
export async function expectOneLossReport(
  worker: WorkerProcess,
  timeoutMs?: number,
): Promise<LossReport[]> {
  const line: LogLine = await worker.said(LOSS, timeoutMs)
  expect(worker.saying(LOSS), logOf(worker)).toEqual([line])
  return lossReports(worker)
}

export async function expectNoLoss(workers: readonly WorkerProcess[]): Promise<void> {
  for (const worker of workers) {
    expect(lossReports(worker), logOf(worker)).toEqual([])
    if (worker.child.exitCode !== null || worker.child.signalCode !== null) continue
    expect(await metricOf(worker, 'group_traits_lost_state_total')).toBe(0)
  }
}

/** The value of a metric, summed over all labels. */
export async function metricOf(worker: WorkerProcess, name: string): Promise<number> {
  const { body } = await worker.get('/metrics')
  const samples = body.matchAll(new RegExp(`^${name}(?:{.*})? (\\S+)$`, 'gm'))
  return Array.from(samples, ([, value]) => Number(value)).reduce((sum, value) => sum + value, 0)
}

/** The number of records that the worker has read; replayed ones count again. */
export const recordsRead = (worker: WorkerProcess) => metricOf(worker, 'group_traits_records_total')

export const sceneCheckpointKey = ({ config: { kafka } }: Scene) =>
  checkpointKey(kafka.topic, kafka.groupId, 0)

/** Partition -> checkpoint, read from Redis. */
export const checkpointsOf = (scene: Scene) => scene.redis.hgetall(sceneCheckpointKey(scene))

/** Partition -> end offset. */
export async function endsOf({ config }: Scene): Promise<Record<string, string>> {
  const offsets = await readOffsets(config.kafka, silentLog)
  return Object.fromEntries(offsets.map(({ partition, end }) => [partition, String(end)]))
}

/** Partition -> the offset at which the consumer group continues. */
export async function committedOf({ config }: Scene): Promise<Record<string, string>> {
  const offsets = await readOffsets(config.kafka, silentLog)
  return Object.fromEntries(offsets.map(({ partition, next }) => [partition, String(next)]))
}

/** Resolves once the checkpoints are at the end offsets; the committed offsets may be there before. */
export async function untilRecovered(scene: Scene): Promise<void> {
  const ends = await endsOf(scene)
  await until(
    `the checkpoints are at the ends; ${scene.workers.map(logOf).join('\n--')}`,
    async () => {
      const checkpoints = await checkpointsOf(scene)
      if (Object.entries(ends).every(([partition, end]) => checkpoints[partition] === end))
        return true
      throw new Error(JSON.stringify({ checkpoints, ends }))
    },
    40_000,
  )
}

/** Waits until everything is merged, also what was lost, and checks the state. */
export async function expectRecovered(scene: Scene, options?: CheckOptions): Promise<Verdict> {
  await untilRecovered(scene)
  const verdict = await scene.oracle.check(options)
  expectNoDifference(verdict)
  expect(await checkpointsOf(scene)).toEqual(await endsOf(scene))
  return verdict
}
