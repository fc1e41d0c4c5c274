import { expect, test } from 'vitest'
import { Committer } from '../../../../src/kafka/consumer/committer.ts'

/** Commit requests that the test answers. */
function requests() {
  const sent: Record<number, bigint>[] = []
  const answers: PromiseWithResolvers<void>[] = []
  const send = (offsets: ReadonlyMap<number, bigint>) => {
    sent.push(Object.fromEntries(offsets))
    const answer = Promise.withResolvers<void>()
    answers.push(answer)
    return answer.promise
  }
  return { sent, answers, send }
}

test('while one request is being sent, the next collects the latest offset of each partition', async () => {
  const committer = new Committer()
  const { sent, answers, send } = requests()
  committer.commit(0, 5n, send)
  committer.commit(0, 7n, send)
  committer.commit(1, 3n, send)
  committer.commit(0, 9n, send)
  expect(sent).toEqual([{ 0: 5n }])
  answers[0]?.resolve()
  await Promise.resolve().then(() => {})
  expect(sent).toEqual([{ 0: 5n }, { 0: 9n, 1: 3n }])
  answers[1]?.resolve()
  await committer.settled()
  committer.commit(1, 4n, send)
  expect(sent.at(-1)).toEqual({ 1: 4n })
})

test('it settles only once every waiting commit is answered', async () => {
  const committer = new Committer()
  const { answers, send } = requests()
  let isSettled = false
  committer.commit(0, 1n, send)
  committer.commit(0, 2n, send)
  const settled = committer.settled().then(() => {
    isSettled = true
  })
  answers[0]?.resolve()
  await new Promise((resolve) => setImmediate(resolve))
  expect(isSettled).toBe(false)
  answers[1]?.resolve()
  await settled
})

test('after a failed commit every later call throws its error, and nothing more is sent', async () => {
  const committer = new Committer()
  const { sent, answers, send } = requests()
  const rebalance = new Error('rebalance')
  committer.commit(0, 1n, send)
  committer.commit(0, 2n, send)
  answers[0]?.reject(rebalance)
  await committer.settled()
  expect(() => committer.commit(0, 3n, send)).toThrow(rebalance)
  expect(() => committer.throwIfFailed()).toThrow(rebalance)
  expect(sent).toHaveLength(1)
})
