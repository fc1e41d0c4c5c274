import { expect, test } from 'vitest'
import { runTasks } from '../../../src/redis/task-lanes.ts'

test('all tasks run, a few at a time, and each is taken only when it can run', async () => {
  let running = 0
  let most = 0
  let done = 0
  function* tasks() {
    for (let i = 0; i < 20; i++) {
      expect(running).toBeLessThan(3)
      yield async () => {
        running += 1
        most = Math.max(most, running)
        await Promise.resolve()
        running -= 1
        done += 1
      }
    }
  }
  await runTasks(tasks(), 3)
  expect({ most, done, running }).toEqual({ most: 3, done: 20, running: 0 })
})

test('after a failure no task is started, and it is thrown once the others have ended', async () => {
  let finishSlow = () => {}
  let isSlowDone = false
  let started = 0
  const slow = async () => {
    started += 1
    await new Promise<void>((resolve) => {
      finishSlow = resolve
    })
    isSlowDone = true
  }
  const failing = async () => {
    started += 1
    throw new Error('first')
  }
  const running = runTasks([slow, failing, failing], 2)
  let isSettled = false
  running
    .catch(() => {})
    .finally(() => {
      isSettled = true
    })
  await new Promise(setImmediate)
  expect(isSettled).toBe(false)
  finishSlow()
  await expect(running).rejects.toThrow('first')
  expect({ started, isSlowDone }).toEqual({ started: 2, isSlowDone: true })
})

test('a failure of the iterable of tasks is thrown, too', async () => {
  function* tasks(): Generator<() => Promise<void>> {
    yield async () => {}
    throw new Error('cannot pack')
  }
  await expect(runTasks(tasks(), 4)).rejects.toThrow('cannot pack')
})
