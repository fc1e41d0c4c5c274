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

test('a consumer that heartbeats, fetches or joins is alive', () => {
  const { reported, emit } = watch(10_000)
  for (const event of ['HEARTBEAT', 'FETCH', 'FETCH_START', 'GROUP_JOIN', 'START_BATCH_PROCESS']) {
    vi.advanceTimersByTime(9000)
    emit(event)
  }
  expect(reported).toEqual([])
})

test('silence is reported, with whether the consumer had joined before', () => {
  const neverJoined = watch(10_000)
  const joined = watch(10_000)
  joined.emit('GROUP_JOIN')
  vi.advanceTimersByTime(10_000)
  expect(neverJoined.reported).toEqual([false])
  expect(joined.reported).toEqual([true])
})

test('the time during which the process itself was stopped does not count', () => {
  const { reported, emit } = watch(10_000)
  vi.spyOn(performance, 'now').mockReturnValue(3_600_000)
  onTestFinished(() => void vi.restoreAllMocks())
  vi.advanceTimersByTime(1000)
  expect(reported).toEqual([])
  emit('HEARTBEAT')
  vi.advanceTimersByTime(9000)
  expect(reported).toEqual([])
})

test('after its end, the watch reports nothing', () => {
  const { reported, end } = watch(10_000)
  end()
  vi.advanceTimersByTime(60_000)
  expect(reported).toEqual([])
})

function watch(limitMs: number) {
  const emitter = new EventEmitter()
  const events = new Proxy({}, { get: (_, name) => name }) as Consumer['events']
  const on = (event: string, listener: () => void) => {
    emitter.on(event, listener)
    return () => {}
  }
  const reported: boolean[] = []
  const consumer = { on: on as Consumer['on'], events }
  const end = watchForSilence(consumer, limitMs, (hadJoined) => reported.push(hadJoined))
  return { reported, end, emit: (event: string) => emitter.emit(event) }
}
