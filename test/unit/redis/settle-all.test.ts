import { expect, test } from 'vitest'
import { settleAll } from '../../../src/redis/settle-all.ts'

test('the results come in the order of the promises', async () => {
  expect(await settleAll([Promise.resolve(1), Promise.resolve(2)])).toEqual([1, 2])
})

test('a failure is thrown only once every other promise has settled', async () => {
  const { promise: slow, resolve: finishSlow } = Promise.withResolvers<void>()
  let isSettled = false
  const all = settleAll([slow, Promise.reject(new Error('first')), Promise.reject(new Error('x'))])
  all
    .catch(() => {})
    .finally(() => {
      isSettled = true
    })
  await new Promise(setImmediate)
  expect(isSettled).toBe(false)
  finishSlow()
  await expect(all).rejects.toThrow('first')
})
