/** Bugs that would leave a worker alive and idle: it ends, and says why. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, inject, test } from 'vitest'
import { produce } from '../integration/kafka/fixture.ts'
import type { WorkerProcess } from '../integration/worker/spawned-worker.ts'
import { startOwnRedis } from '../setup/redis-server.ts'
import { until } from '../setup/waiting.ts'
import type { Scene } from './scene/scene.ts'
import { openScene } from './scene/stage.ts'
import { hasEnded, healthOf, story, untilReady } from './scene/worker-signs.ts'
import { BUGS } from './watchdog-bugs.ts'

const STALL_MS = 10_000
const WITH_BUGS = {
  NODE_OPTIONS: '--import ./test/faults/watchdog-preload.ts',
  WORKER_STALL_TIMEOUT_MS: `${STALL_MS}ms`,
}
const redisBinary = inject('redisServer')

test('a batch that never ends is named by /readyz, and ends the worker after the limit', async () => {
  const scene = await openScene({ partitions: 1 })
  const worker = scene.startWorker(WITH_BUGS)
  await untilReady(worker)
  const sentMs = performance.now()
  await send(scene, BUGS.neverSettles)

  await until('the partition is named', async () =>
    (await healthOf(worker)).notReady.includes('partition 0'),
  )
  expect(await healthOf(worker)).toMatchObject({ healthz: 200, readyz: 503 })
  const { body } = await worker.get('/readyz')
  expect(JSON.parse(body).parts.at(-1)).toMatchObject({
    since: expect.any(String),
    detail: `${scene.config.kafka.topic}/0 stands at offset 0 with 1 to read; the batch in hand there does not end`,
  })
  expect((await worker.get('/metrics')).body).toMatch(/partition_stalled_seconds\{.*"0"\} [1-9]/)

  await until('a restart is asked for', async () => (await healthOf(worker)).healthz === 503)
  expect(await worker.exited).toBe(1)
  expect(performance.now() - sentMs).toBeLessThan(2.2 * STALL_MS)
  const [said, ...more] = worker.lines.filter(({ level }) => level !== 'info')
  expect(said, story(worker)).toMatchObject({
    level: 'fatal',
    msg: expect.stringMatching(/^no progress for 10 s.*0 stands at offset 0 with 1 to read/),
  })
  expect(more).toEqual([])

  const next = scene.startWorker()
  await isMerged(scene, BUGS.neverSettles)
  expect(hasEnded(next)).toBe(false)
}, 60_000)

test.skipIf(redisBinary === '')(
  'an outage that lasts longer than that ends no worker',
  async () => {
    const redis = await startOwnRedis(redisBinary, { args: ['--appendonly', 'yes'] })
    try {
      const scene = await openScene({ partitions: 1, redisUrl: redis.url })
      const worker = scene.startWorker(WITH_BUGS)
      await untilReady(worker)
      await redis.kill()
      await send(scene, 'acme')
      await worker.said('Redis is away')
      await sleep(2 * STALL_MS)
      expect(await healthOf(worker)).toMatchObject({ healthz: 200, readyz: 503 })
      await redis.startAgain()
      await isMerged(scene, 'acme')
    } finally {
      await redis.stop()
    }
  },
  60_000,
)

test.each([
  ['thrown', BUGS.throws, { name: 'TypeError', message: 'a bug that throws' }],
  ['rejected', BUGS.rejects, { name: 'RangeError', message: 'a bug that rejects' }],
])('an error that is %s where nobody catches it ends the worker', async (_, groupId, err) => {
  const scene = await openScene({ partitions: 1 })
  const worker = scene.startWorker(WITH_BUGS)
  await untilReady(worker)
  await send(scene, groupId)
  expect(await worker.exited).toBe(1)
  expect(worker.lines.filter(({ level }) => level !== 'info')).toMatchObject([
    { level: 'fatal', msg: expect.stringContaining('an error that nobody caught'), err },
  ])
})

test('a worker that was stopped for longer than any limit goes on; one whose event loop is stuck ends', async () => {
  const scene = await openScene({ partitions: 1 })
  const worker = scene.startWorker(WITH_BUGS)
  await untilReady(worker)
  worker.child.kill('SIGSTOP')
  await send(scene, 'acme')
  await sleep(EVENT_LOOP_MS + 3000)
  worker.child.kill('SIGCONT')
  await isMerged(scene, 'acme')
  await untilReady(worker)
  await outlives(worker, 2 * STALL_MS)

  await send(scene, BUGS.stuck)
  expect(await worker.exited, story(worker)).toBe(1)
  expect(worker.lines.filter(({ level }) => level === 'fatal')).toMatchObject([
    {
      blockedMs: EVENT_LOOP_MS,
      msg: expect.stringMatching(/^the event loop has been stuck for 30 s, in stuck \(file:/),
    },
  ])
}, 150_000)

/** As in src/app/event-loop-watch.ts. */
const EVENT_LOOP_MS = 30_000

async function outlives(worker: WorkerProcess, ms: number): Promise<void> {
  await Promise.race([worker.exited, sleep(ms)])
  expect(hasEnded(worker), story(worker)).toBe(false)
}

async function send({ config }: Scene, groupId: string): Promise<void> {
  const event = {
    group_id: groupId,
    user_id: 'ann',
    traits: { plan: 'pro' },
    timestamp: '2024-01-01',
  }
  await produce(config.kafka, [{ value: JSON.stringify(event) }])
}

async function isMerged({ redis, config }: Scene, groupId: string): Promise<void> {
  const key = `${config.redis.groupPrefix}{${groupId}}`
  await until('it is merged', async () => (await redis.hget(key, 'plan')) === 'pro', 30_000)
}
