import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { watchState } from '../../../../src/app/watch/state-watch.ts'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

test('looks every ten seconds, until it is ended', async () => {
  const { looks, end } = arrange()
  await vi.advanceTimersByTimeAsync(35_000)
  expect(looks()).toBe(3)
  end()
  await vi.advanceTimersByTimeAsync(35_000)
  expect(looks()).toBe(3)
})

test('looks at once where the connection is new, and once only', async () => {
  const { store, looks } = arrange()
  store.connection++
  await vi.advanceTimersByTimeAsync(5000)
  expect(looks()).toBe(1)
})

test('looks at a new connection until one look comes through', async () => {
  const { store, looks, fail } = arrange()
  fail(3)
  store.connection++
  await vi.advanceTimersByTimeAsync(8000)
  expect(looks()).toBe(4)
})

function arrange() {
  const store = { connection: 1 }
  let looks = 0
  let failures = 0
  const end = watchState(store, async () => {
    looks++
    if (failures-- > 0) throw new Error('away')
  })
  const fail = (times: number) => {
    failures = times
  }
  return { store, looks: () => looks, fail, end }
}
