import { EventEmitter } from 'node:events'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import type { Consumer } from '../../../../src/kafka/client/kafkajs.ts'
import { watchForSilence } from '../../../../src/kafka/consumer/silence-watch.ts'

beforeEach(() => {
  vi.useFakeTimers()
  onTestFinished(() => {
    vi.useRealTimers()
  })
})

test('a consumer that beats, fetches or joins is alive', () => {
  const { told, emit } = watch(10_000)
  for (const event of ['HEARTBEAT', 'FETCH', 'FETCH_START', 'GROUP_JOIN', 'START_BATCH_PROCESS']) {
    vi.advanceTimersByTime(9000)
    emit(event)
  }
  expect(told).toEqual([])
})

test('silence is told, and whether the consumer had joined before', () => {
  const neverJoined = watch(10_000)
  const joined = watch(10_000)
  joined.emit('GROUP_JOIN')
  vi.advanceTimersByTime(10_000)
  expect(neverJoined.told).toEqual([false])
  expect(joined.told).toEqual([true])
})

test('the time that the process itself was stopped for is no silence', () => {
  const { told, emit } = watch(10_000)
  vi.spyOn(performance, 'now').mockReturnValue(3_600_000)
  onTestFinished(() => void vi.restoreAllMocks())
  vi.advanceTimersByTime(1000)
  expect(told).toEqual([])
  emit('HEARTBEAT')
  vi.advanceTimersByTime(9000)
  expect(told).toEqual([])
})

test('after its end, the watch says nothing', () => {
  const { told, end } = watch(10_000)
  end()
  vi.advanceTimersByTime(60_000)
  expect(told).toEqual([])
})

function watch(limitMs: number) {
  const emitter = new EventEmitter()
  const events = new Proxy({}, { get: (_, name) => name }) as Consumer['events']
  const on = (event: string, listener: () => void) => {
    emitter.on(event, listener)
    return () => {}
  }
  const told: boolean[] = []
  const consumer = { on: on as Consumer['on'], events }
  const end = watchForSilence(consumer, limitMs, (hadJoined) => told.push(hadJoined))
  return { told, end, emit: (event: string) => emitter.emit(event) }
}
