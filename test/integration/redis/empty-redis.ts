/** A Redis server for the tests of one describe, empty before each of them. */
import { afterAll, afterEach, beforeAll, inject } from 'vitest'
import type { GroupState } from '../../../src/domain/merge/merge.ts'
import type { RedisConnection } from '../../../src/redis/connection/connection.ts'
import { openGroupStore } from '../../../src/redis/writing/group-store.ts'
import { openTestRedis } from '../../setup/redis/connection.ts'
import { type OwnRedis, startOwnRedis } from '../../setup/servers/own-redis.ts'

export function useEmptyRedis() {
  let server: OwnRedis
  let connection: RedisConnection
  beforeAll(async () => {
    server = await startOwnRedis(inject('redisServer'))
    connection = openTestRedis(server.url)
    await connection.opened
  })
  afterEach(() => connection.client.flushall())
  afterAll(async () => {
    connection?.close()
    await server?.stop()
  })
  return {
    /** Is open while a test runs. */
    connection: () => connection,
    merge: (...patches: GroupState[]) => openGroupStore(connection).merge(patches),
    raw: (command: string, ...args: (string | number)[]) =>
      connection.client.call(command, ...args),
  }
}

/** Counts the writes that changed a key since the server started. */
export async function changesOf({ client }: RedisConnection): Promise<number> {
  return Number(/rdb_changes_since_last_save:(\d+)/.exec(await client.info('persistence'))?.[1])
}

/** Returns every key with its serialized value. */
export async function dump({ client }: RedisConnection): Promise<Map<string, string>> {
  const keys = (await client.keys('*')).sort()
  const contents = await Promise.all(keys.map((key) => client.dumpBuffer(key)))
  return new Map(keys.map((key, i) => [key, String(contents[i]?.toString('hex'))]))
}
