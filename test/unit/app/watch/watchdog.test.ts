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

test('a partition that stands still is noticed after a few looks, and the end after the limit', async () => {
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
    'no progress for 50 s, though neither Kafka nor Redis is away: groups/3 stands at offset 5 ' +
      'with 4 to read; no batch of it is in hand. Ending, to be started again. If it happens ' +
      'again at that offset, report a bug with the log of LOG_LEVEL=debug; if a batch may take ' +
      'that long here, raise worker.stallTimeoutMs (now 50s)',
  )
})

test('a partition that goes on in time is not noticed any more', async () => {
  const { watchdog, world, pass, message } = start()
  await pass(LIMIT_MS)
  expect(watchdog.stalls()).toHaveLength(1)
  world.position = 6n
  await pass(EVERY_MS)
  expect(watchdog.stalls()).toEqual([])
  await pass(LIMIT_MS)
  expect(message()).toBe(undefined)
})

test('an outage stops the clock, however long it lasts', async () => {
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

test('a look at which the brokers cannot be asked does not count', async () => {
  const { world, pass, message } = start()
  await pass(4 * EVERY_MS)
  world.answer = () => Promise.reject(new Unavailable('kafka', 'gone'))
  await pass(100 * LIMIT_MS)
  expect(message()).toBe(undefined)
})

test('brokers that take long to answer are not asked twice at once', async () => {
  const { world, pass } = start()
  await pass(EVERY_MS)
  world.answer = () => new Promise(() => {})
  await pass(100 * EVERY_MS)
  expect(world.questions).toBe(1)
})

test('the time that the process itself was suspended does not count', async () => {
  const { world, pass, message } = start()
  await pass(4 * EVERY_MS)
  world.suspendedMs = 3_600_000
  await pass(2 * EVERY_MS)
  expect(message()).toBe(undefined)
  await pass(EVERY_MS)
  expect(message()).toContain('no progress for 50 s')
})

test('a batch that does not end is told of as such', async () => {
  const { watchdog, pass, message } = start()
  watchdog.watching(() => new Promise(() => {}))(BATCH, CONTEXT)
  await pass(LIMIT_MS + 2 * EVERY_MS)
  expect(message()).toContain('groups/3 stands at offset 5 with 4 to read; the batch in hand there')
})

test('a batch that does not end is not hidden by those decoded ahead of it, which do', async () => {
  const { watchdog, pass, message } = start()
  watchdog.watching(() => new Promise(() => {}))(BATCH, CONTEXT)
  await pass(LIMIT_MS)
  await watchdog.watching(async () => {})({ ...BATCH }, CONTEXT)
  await pass(EVERY_MS)
  watchdog.watching(() => new Promise(() => {}))({ ...BATCH }, CONTEXT)
  expect(watchdog.stalls()).toMatchObject([{ inFlightMs: LIMIT_MS - EVERY_MS }])
  await pass(EVERY_MS)
  expect(message()).toContain('the batch in hand there does not end')
})

test('a batch that ended, well or not, is in hand no more', async () => {
  const { watchdog, pass, message } = start()
  const bug = new Error('a bug')
  const handle = watchdog.watching(() => Promise.reject(bug))
  await expect(handle(BATCH, CONTEXT)).rejects.toBe(bug)
  await pass(LIMIT_MS + 2 * EVERY_MS)
  expect(message()).toContain('no batch of it is in hand')
})

test('after its end, the watchdog says nothing', async () => {
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
