import { expect, test } from 'vitest'
import { NotRetriable, Unavailable } from '../../../../src/pipeline/errors.ts'
import { parseRedisUrl } from '../../../../src/redis/connection/address.ts'
import { ask, askAtStart } from '../../../../src/redis/connection/ask.ts'
import type { RedisConnection } from '../../../../src/redis/connection/connection.ts'

const WAYS = [
  ['ask', ask],
  ['askAtStart', askAtStart],
] as const
const WRONG_PASSWORD = reply('WRONGPASS invalid username-password pair')
const DISCONNECTED = new Error('Connection is closed.')

test.each([ask, askAtStart])(
  '$name runs only once the connection has been opened',
  async (askHow) => {
    const { promise: opened, resolve: open } = Promise.withResolvers<void>()
    let isRunning = false
    const asking = askHow(connectionWith({ opened }), async () => {
      isRunning = true
      return 'reply'
    })
    await new Promise(setImmediate)
    expect(isRunning).toBe(false)
    open()
    expect(await asking).toBe('reply')
  },
)

test('a connection that breaks during the call fails it with the reason, as an outage', async () => {
  const connection = connectionWith({ lastError: null })
  const asking = ask(connection, async () => {
    Object.assign(connection, { lastError: WRONG_PASSWORD })
    throw DISCONNECTED
  })
  const failure = await asking.catch((error) => error)
  expect(failure).toBeInstanceOf(Unavailable)
  expect(failure.message).toContain('(WRONGPASS)')
})

test('at start, a wrong password is not retriable', async () => {
  const connection = connectionWith({ ready: false, lastError: WRONG_PASSWORD })
  const asking = askAtStart(connection, async () => {
    throw DISCONNECTED
  })
  const failure = await asking.catch((error) => error)
  expect(failure).toBeInstanceOf(NotRetriable)
  expect(failure.message).toContain('(WRONGPASS)')
})

test.each(WAYS)('%s throws any other error unchanged', async (_, askHow) => {
  const bug = new TypeError('x is not a function')
  await expect(askHow(connectionWith({}), () => Promise.reject(bug))).rejects.toBe(bug)
})

function connectionWith(changes: Partial<RedisConnection>): RedisConnection {
  const address = parseRedisUrl('redis://localhost')
  const connection = { address, opened: Promise.resolve(), ready: true, lastError: null }
  return { ...connection, ...changes } as RedisConnection
}

function reply(message: string): Error {
  return Object.assign(new Error(message), { name: 'ReplyError' })
}
