import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { watchState } from '../../../../src/app/watch/state-watch.ts'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

test('checks every ten seconds, until it is ended', async () => {
  const { checks, end } = arrange()
  await vi.advanceTimersByTimeAsync(35_000)
  expect(checks()).toBe(3)
  end()
  await vi.advanceTimersByTimeAsync(35_000)
  expect(checks()).toBe(3)
})

test('checks a new connection at once, and only once', async () => {
  const { store, checks } = arrange()
  store.connection++
  await vi.advanceTimersByTimeAsync(5000)
  expect(checks()).toBe(1)
})

test('checks a new connection until one check succeeds', async () => {
  const { store, checks, fail } = arrange()
  fail(3)
  store.connection++
  await vi.advanceTimersByTimeAsync(8000)
  expect(checks()).toBe(4)
})

function arrange() {
  const store = { connection: 1 }
  let checks = 0
  let failures = 0
  const end = watchState(store, async () => {
    checks++
    if (failures-- > 0) throw new Error('away')
  })
  const fail = (times: number) => {
    failures = times
  }
  return { store, checks: () => checks, fail, end }
}
