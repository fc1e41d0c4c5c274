import { expect, test } from 'vitest'
import { parseRedisUrl } from '../../../../src/redis/connection/address.ts'
import type { RedisConnection } from '../../../../src/redis/connection/connection.ts'
import { repairUserIndex } from '../../../../src/redis/rebuild/user-index-repair.ts'
import { silentLog } from '../../../setup/logs.ts'

test('where the connection is lost, the error says why there is none now, not why there was none before', async () => {
  const connection = stubConnection()
  const store = { connection: 1, merge: async () => [] }
  const repair = repairUserIndex(connection, store, new AbortController().signal)
  await expect(repair).rejects.toMatchObject({
    name: 'Unavailable',
    message: expect.stringContaining('ECONNREFUSED'),
  })
})

/** One entry in the user index; the connection is lost while the group of the entry is asked. */
function stubConnection(): RedisConnection {
  const state = { ready: true, lastError: null as Error | null }
  const pipeline = {
    zscore: () => pipeline,
    async exec() {
      state.ready = false
      state.lastError = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
      throw new Error('Connection is closed.')
    },
  }
  const client = {
    callBuffer: async (_: string, ...args: unknown[]) => {
      const isOfUsers = args.includes('user:{*}:groups')
      return [Buffer.from('0'), isOfUsers ? [Buffer.from('user:{ann}:groups')] : []]
    },
    zscan: async () => ['0', ['acme', '5']],
    pipeline: () => pipeline,
  }
  return {
    settings: { groupPrefix: 'group:', userPrefix: 'user:', userIndex: true },
    address: parseRedisUrl('redis://127.0.0.1:6379'),
    client,
    log: silentLog,
    opened: Promise.resolve(),
    get ready() {
      return state.ready
    },
    get lastError() {
      return state.lastError
    },
  } as unknown as RedisConnection
}
