/** Bugs that would leave a worker alive but idle: it ends and logs why. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, inject, test } from 'vitest'
import { openScene } from '../setup/scene/test-scene.ts'
import { hasEnded, healthOf, logOf, untilReady } from '../setup/scene/worker-status.ts'
import { startOwnRedis } from '../setup/servers/own-redis.ts'
import { until } from '../setup/waiting.ts'
import { BUGS } from './watchdog-bugs.ts'
import { isMerged, STALL_MS, send, WITH_BUGS } from './watchdog-scene.ts'

const redisBinary = inject('redisServer')

test('a batch that never ends is shown by /readyz and ends the worker after the limit', async () => {
  const scene = await openScene({ partitions: 1 })
  const worker = scene.startWorker(WITH_BUGS)
  await untilReady(worker)
  const sentMs = performance.now()
  await send(scene, BUGS.neverSettles)

  await until('/readyz names the partition', async () =>
    (await healthOf(worker)).notReady.includes('partition 0'),
  )
  expect(await healthOf(worker)).toMatchObject({ healthz: 200, readyz: 503 })
  const { body } = await worker.get('/readyz')
  expect(JSON.parse(body).parts.at(-1)).toMatchObject({
    since: expect.any(String),
    detail: `${scene.config.kafka.topic}/0 does not advance from offset 0, with a lag of 1; its batch in flight does not finish`,
  })
  const metrics = (await worker.get('/metrics')).body
  expect(metrics).toMatch(/partition_stalled_seconds\{.*"0"\} [1-9]/)
  expect(metrics).toMatch(/^group_traits_unfinished_batches 1$/m)

  await until('/healthz asks for a restart', async () => (await healthOf(worker)).healthz === 503)
  expect(await worker.exited).toBe(1)
  expect(performance.now() - sentMs).toBeLessThan(3 * STALL_MS)
  const [line, ...more] = worker.lines.filter(({ level }) => level !== 'info')
  expect(line, logOf(worker)).toMatchObject({
    level: 'fatal',
    msg: expect.stringMatching(
      /^no progress for \d\d s.*0 does not advance from offset 0, with a lag of 1/,
    ),
  })
  expect(more).toEqual([])

  const next = scene.startWorker()
  await isMerged(scene, BUGS.neverSettles)
  expect(hasEnded(next)).toBe(false)
}, 60_000)

test.skipIf(redisBinary === '')(
  'an outage longer than the limit ends no worker',
  async () => {
    const redis = await startOwnRedis(redisBinary, { args: ['--appendonly', 'yes'] })
    try {
      const scene = await openScene({ partitions: 1, redisUrl: redis.url })
      const worker = scene.startWorker(WITH_BUGS)
      await untilReady(worker)
      await redis.kill()
      await send(scene, 'acme')
      await worker.said('Redis is away')
      await sleep(1.6 * STALL_MS)
      expect(await healthOf(worker)).toMatchObject({ healthz: 200, readyz: 503 })
      await redis.startAgain()
      await isMerged(scene, 'acme')
    } finally {
      await redis.stop()
    }
  },
  60_000,
)

test('a Kafka client that crashes ends the worker', async () => {
  const scene = await openScene({ partitions: 1 })
  const worker = scene.startWorker(WITH_BUGS)
  await untilReady(worker)
  await send(scene, BUGS.crashesClient)
  expect(await worker.exited).toBe(1)
  expect(worker.lines.filter(({ level }) => level !== 'info')).toMatchObject([
    { level: 'fatal', err: { message: expect.stringContaining('the Kafka client hit a bug') } },
  ])
})

test('a Kafka client that silently stops fetching ends the worker once there is something to read', async () => {
  const scene = await openScene({ partitions: 1 })
  const worker = scene.startWorker(WITH_BUGS)
  await untilReady(worker)
  await send(scene, BUGS.haltsClient)
  await isMerged(scene, BUGS.haltsClient)
  await send(scene, 'acme')
  expect(await worker.exited).toBe(1)
  expect(worker.lines.filter(({ level }) => level !== 'info')).toMatchObject([
    { level: 'fatal', msg: expect.stringMatching(/with a lag of 1; it has no batch in flight/) },
  ])
}, 60_000)

test.each([
  ['thrown', BUGS.throws, { name: 'TypeError', message: 'a bug that throws' }],
  ['rejected', BUGS.rejects, { name: 'RangeError', message: 'a bug that rejects' }],
])('an uncaught error that is %s ends the worker', async (_, groupId, err) => {
  const scene = await openScene({ partitions: 1 })
  const worker = scene.startWorker(WITH_BUGS)
  await untilReady(worker)
  await send(scene, groupId)
  expect(await worker.exited).toBe(1)
  expect(worker.lines.filter(({ level }) => level !== 'info')).toMatchObject([
    { level: 'fatal', msg: expect.stringContaining('ended by an uncaught error'), err },
  ])
})
