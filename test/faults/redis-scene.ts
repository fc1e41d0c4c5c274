/** Workers under load on a Redis of the test's own, behind a proxy that can be cut or delayed. */
import { expect, inject, onTestFinished } from 'vitest'
import { readOffsets } from '../../src/kafka/topics/offsets.ts'
import { silentLog } from '../setup/logs.ts'
import { expectNoDifference } from '../setup/scene/oracle.ts'
import type { RedisFault, RedisSite } from '../setup/scene/redis-faults.ts'
import { type Scene, startScene } from '../setup/scene/scene.ts'
import { hasEnded, logOf, untilReady } from '../setup/scene/worker-status.ts'
import { type OwnRedisOptions, startOwnRedis } from '../setup/servers/own-redis.ts'
import { startProxy } from '../setup/servers/proxy.ts'
import { until } from '../setup/waiting.ts'
import type { LogLine, WorkerProcess } from '../setup/worker/worker-process.ts'

export interface RedisScene {
  readonly site: RedisSite
  readonly scene: Scene
  /** The worker's log lines with this text, since the scene started. */
  saying(worker: WorkerProcess, text: string): readonly LogLine[]
  /** Resolves once the load has sent that many more records. */
  sent(count: number): Promise<void>
  /** Resolves once the records now in the topic are merged and committed. */
  caughtUp(): Promise<void>
  stopLoad(): Promise<void>
}

/** Short, so that several timeouts pass within seconds. */
const TIMEOUTS = { REDIS_CONNECT_TIMEOUT_MS: '2s', REDIS_COMMAND_TIMEOUT_MS: '700ms' }
/** For what takes a second or two on an idle machine. */
const TIMEOUT_MS = 60_000
const WORKERS = 2
const RECORDS_PER_SECOND = 500
/** Redis then keeps all acknowledged writes, even if it is killed. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always']

/** Starts the scene; resolves once all workers process the running load. */
export async function startRedisScene(options: OwnRedisOptions = {}): Promise<RedisScene> {
  const redis = await startOwnRedis(inject('redisServer'), { args: DURABLE, ...options })
  onTestFinished(() => redis.stop())
  const proxy = await startProxy(redis.port)
  onTestFinished(() => proxy.close())
  const scene = await startScene({
    kafkaBrokers: inject('kafkaBrokers'),
    redisUrl: redis.url,
    partitions: 3,
    workers: WORKERS,
    environment: { ...TIMEOUTS, REDIS_URL: redis.url.replace(`:${redis.port}`, `:${proxy.port}`) },
  })
  onTestFinished(() => scene.close())
  await Promise.all(scene.workers.map((worker) => worker.said('joined', TIMEOUT_MS)))
  const load = scene.load.run(RECORDS_PER_SECOND)
  await until('there is some load', () => scene.load.acknowledged.size > RECORDS_PER_SECOND / 2)
  await caughtUp(scene)
  const before = new Map(scene.workers.map((worker) => [worker, new Set(worker.lines)]))
  return {
    site: { redis, proxy },
    scene,
    saying: (worker, text) => worker.saying(text).filter((line) => !before.get(worker)?.has(line)),
    async sent(count) {
      const enough = scene.load.acknowledged.size + count
      await until('the load goes on', () => scene.load.acknowledged.size >= enough, TIMEOUT_MS)
    },
    caughtUp: () => caughtUp(scene),
    stopLoad: () => load.stop(),
  }
}

async function caughtUp({ config }: Scene): Promise<void> {
  const ends = await readOffsets(config.kafka, silentLog)
  await until(
    'what is in the topic is committed',
    async () => {
      const now = await readOffsets(config.kafka, silentLog)
      return ends.every(({ end }, partition) => (now[partition]?.next ?? -1n) >= end)
    },
    TIMEOUT_MS,
  )
}

/**
 * Causes a fault and expects of each worker that it logs the outage once, stays live but not ready,
 * shows the reason in /readyz, logs the end once, and continues by itself.
 *
 * @param detail the reason that /readyz must show
 */
export async function expectOutage(
  redis: RedisScene,
  fault: RedisFault,
  detail: RegExp,
): Promise<void> {
  const { scene } = redis
  const end = await fault(redis.site)
  await Promise.all(scene.workers.map((worker) => expectAway(worker, detail)))
  await redis.sent(RECORDS_PER_SECOND)
  for (const worker of scene.workers) {
    expect(redis.saying(worker, 'Redis is away'), logOf(worker)).toHaveLength(1)
    expect(redis.saying(worker, 'Redis is back'), logOf(worker)).toHaveLength(0)
  }
  await end()
  for (const worker of scene.workers) await untilReady(worker, TIMEOUT_MS)
  await redis.caughtUp()
  for (const worker of scene.workers) expect(countOutages(redis, worker)).toBeGreaterThan(0)
}

async function expectAway(worker: WorkerProcess, detail: RegExp): Promise<void> {
  await until(
    `/readyz shows ${detail}`,
    async () => {
      const { status, body } = await worker.get('/readyz')
      const { parts } = JSON.parse(body) as { parts: { name: string; detail?: string }[] }
      const redis = parts.find(({ name }) => name === 'redis')
      if (status === 503 && detail.test(redis?.detail ?? '')) return true
      throw new Error(body)
    },
    TIMEOUT_MS,
  )
  expect((await worker.get('/healthz')).status).toBe(200)
}

/** Stops the load, waits for the workers, and checks the state; no worker ended or logged an error. */
export async function expectCorrectState({ scene, stopLoad }: RedisScene): Promise<void> {
  await stopLoad()
  expectNoDifference(await scene.oracle.check())
  for (const worker of scene.workers) {
    expect(hasEnded(worker), logOf(worker)).toBe(false)
    const errors = worker.lines.filter(({ level }) => level !== 'info' && level !== 'warn')
    expect(errors).toEqual([])
  }
}

/** Expects that each outage in the worker's log has an end; returns their number. */
export function countOutages({ saying }: RedisScene, worker: WorkerProcess): number {
  const outages = saying(worker, 'is away').length
  expect(saying(worker, 'is back'), logOf(worker)).toHaveLength(outages)
  return outages
}
