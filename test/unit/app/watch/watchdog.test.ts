import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { startWatchdog } from '../../../../src/app/watch/watchdog.ts'
import type { PartitionState } from '../../../../src/kafka/consumer/partition-states.ts'
import { Unavailable } from '../../../../src/pipeline/errors.ts'
import type { BatchContext, PartitionOffsets, RecordBatch } from '../../../../src/pipeline/ports.ts'
import { silentLog } from '../../../setup/logs.ts'

const LIMIT_MS = 50_000
const EVERY_MS = 10_000

beforeEach(() => {
  vi.useFakeTimers()
  onTestFinished(() => {
    vi.useRealTimers()
  })
})

test('a partition that does not advance is reported after a few checks, and ends the worker after the limit', async () => {
  const { watchdog, world, pass, message } = start()
  world.position = 5n
  await pass(2 * EVERY_MS)
  expect(watchdog.stalls()).toEqual([])
  await pass(EVERY_MS)
  expect(watchdog.stalls()).toMatchObject([{ partition: 3, position: 5n, lag: 4n }])
  await pass(LIMIT_MS - 2 * EVERY_MS)
  expect(message()).toBe(undefined)
  await pass(EVERY_MS)
  expect(message()).toBe(
    'no progress for 50 s, though neither Kafka nor Redis is away: groups/3 does not advance ' +
      'from offset 5, with a lag of 4; it has no batch in flight. The worker ends, so that it ' +
      'is restarted. If this happens again at the same offset, report a bug, with a log at ' +
      'LOG_LEVEL=debug. If a batch may really take that long, raise worker.stallTimeoutMs (now 50s)',
  )
})

test('a partition that advances within the limit is no longer reported', async () => {
  const { watchdog, world, pass, message } = start()
  await pass(LIMIT_MS)
  expect(watchdog.stalls()).toHaveLength(1)
  world.position = 6n
  await pass(EVERY_MS)
  expect(watchdog.stalls()).toEqual([])
  await pass(LIMIT_MS)
  expect(message()).toBe(undefined)
})

test('the time of an outage does not count, however long it lasts', async () => {
  const { world, pass, message } = start()
  await pass(4 * EVERY_MS)
  world.isAway = true
  await pass(100 * LIMIT_MS)
  world.isAway = false
  await pass(2 * EVERY_MS)
  expect(message()).toBe(undefined)
  await pass(EVERY_MS)
  expect(message()).toContain('no progress for 50 s')
})

test('the time of a check does not count if the brokers are unavailable', async () => {
  const { world, pass, message } = start()
  await pass(4 * EVERY_MS)
  world.answer = () => Promise.reject(new Unavailable('kafka', 'gone'))
  await pass(100 * LIMIT_MS)
  expect(message()).toBe(undefined)
})

test('while the brokers have not answered, they are not asked again', async () => {
  const { world, pass } = start()
  await pass(EVERY_MS)
  world.answer = () => new Promise(() => {})
  await pass(100 * EVERY_MS)
  expect(world.questions).toBe(1)
})

test('the time for which the process itself was suspended does not count', async () => {
  const { world, pass, message } = start()
  await pass(4 * EVERY_MS)
  world.suspendedMs = 3_600_000
  await pass(2 * EVERY_MS)
  expect(message()).toBe(undefined)
  await pass(EVERY_MS)
  expect(message()).toContain('no progress for 50 s')
})

test('the message names a batch that does not finish', async () => {
  const { watchdog, pass, message } = start()
  watchdog.watching(() => new Promise(() => {}))(BATCH, CONTEXT)
  await pass(LIMIT_MS + 2 * EVERY_MS)
  expect(message()).toContain('from offset 5, with a lag of 4; its batch in flight does not finish')
})

test('a batch that does not finish is not hidden by later batches that do', async () => {
  const { watchdog, pass, message } = start()
  watchdog.watching(() => new Promise(() => {}))(BATCH, CONTEXT)
  await pass(LIMIT_MS)
  await watchdog.watching(async () => {})({ ...BATCH }, CONTEXT)
  await pass(EVERY_MS)
  watchdog.watching(() => new Promise(() => {}))({ ...BATCH }, CONTEXT)
  expect(watchdog.stalls()).toMatchObject([{ inFlightMs: LIMIT_MS - EVERY_MS }])
  await pass(EVERY_MS)
  expect(message()).toContain('its batch in flight does not finish')
})

test('a batch that succeeded or failed is no longer in flight', async () => {
  const { watchdog, pass, message } = start()
  const bug = new Error('a bug')
  const handle = watchdog.watching(() => Promise.reject(bug))
  await expect(handle(BATCH, CONTEXT)).rejects.toBe(bug)
  await pass(LIMIT_MS + 2 * EVERY_MS)
  expect(message()).toContain('it has no batch in flight')
})

test('after its end, the watchdog never expires', async () => {
  const { watchdog, pass, message } = start()
  await pass(4 * EVERY_MS)
  watchdog.end()
  await pass(100 * LIMIT_MS)
  expect(message()).toBe(undefined)
})

const BATCH = { topic: 'groups', partition: 3 } as RecordBatch
const CONTEXT = {} as BatchContext

function start() {
  const world = {
    position: 5n,
    isAway: false,
    suspendedMs: 0,
    questions: 0,
    answer: async (): Promise<PartitionOffsets[]> => [OFFSETS],
  }
  const startedMs = Date.now()
  const sinceStart = () => Date.now() - startedMs + world.suspendedMs
  const watchdog = startWatchdog({
    topic: 'groups',
    limitMs: LIMIT_MS,
    partitions: (): PartitionState[] => [{ partition: 3, position: world.position }],
    readOffsets: () => {
      world.questions++
      return world.answer()
    },
    isAway: () => world.isAway,
    log: silentLog,
    now: sinceStart,
    elapsed: sinceStart,
  })
  onTestFinished(() => watchdog.end())
  let stalled: Error | undefined
  watchdog.expired.then((error) => {
    stalled = error
  })
  return {
    watchdog,
    world,
    pass: async (ms: number) => void (await vi.advanceTimersByTimeAsync(ms)),
    message: () => stalled?.message,
  }
}

const OFFSETS: PartitionOffsets = {
  partition: 3,
  start: 0n,
  end: 9n,
  next: 0n,
  committed: undefined,
}
