/** Tests that run on a single Redis and on a Redis Cluster, each with keys of its own. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, inject, onTestFinished } from 'vitest'
import type { RedisConnection } from '../../../src/redis/connection/connection.ts'
import { walkGroups, walkKeys } from '../../../src/redis/reading/key-walk.ts'
import { acquireLock, type LockOptions } from '../../../src/redis/rebuild/redis-lock.ts'
import { type Layout, readKeys, withPrefix } from '../../setup/oracle/state-layout.ts'
import { openTestRedis } from '../../setup/redis/connection.ts'
import { startOwnCluster } from '../../setup/servers/own-redis-cluster.ts'

/** Declares the tests twice; `own` returns a connection with keys of the test's own. */
export function onBothServers(
  declareTests: (ownConnection: () => RedisConnection, isCluster: boolean) => void,
): void {
  describe('on a single server', () => {
    declareTests(
      useServer(async () => {
        const connection = openTestRedis(inject('redisUrl'))
        return { connection, stop: async () => {} }
      }),
      false,
    )
  })
  describe.skipIf(inject('redisServer') === '')('on a Cluster', () => {
    declareTests(
      useServer(async () => {
        const cluster = await startOwnCluster(inject('redisServer'))
        return { connection: openTestRedis(cluster.url), stop: cluster.stop }
      }),
      true,
    )
  })
}

interface Server {
  readonly connection: RedisConnection
  stop(): Promise<void>
}

function useServer(open: () => Promise<Server>): () => RedisConnection {
  let server: Server
  beforeAll(async () => {
    server = await open()
    await server.connection.opened
  })
  afterAll(async () => {
    server?.connection.close()
    await server?.stop()
  })

  /** The connection, with key prefixes of this test only. */
  return function ownConnection(): RedisConnection {
    const connection = withPrefix(server.connection, `replacement:${randomUUID().slice(0, 8)}:`)
    onTestFinished(() => deleteAll(connection))
    return connection
  }
}

export async function held(connection: RedisConnection, options: Partial<LockOptions> = {}) {
  const lock = await acquireLock(connection, lockOptions(connection, options))
  if (lock === undefined) throw new Error('the lock is taken')
  onTestFinished(() => lock.release())
  return lock
}

export function lockOptions(
  connection: RedisConnection,
  options: Partial<LockOptions> = {},
): LockOptions {
  return {
    key: `${connection.settings.groupPrefix}lock`,
    token: randomUUID(),
    ttlMs: 30_000,
    elapsed: () => performance.now(),
    ...options,
  }
}

export async function idsOf(connection: RedisConnection): Promise<string[]> {
  const ids = new Set<string>()
  for await (const page of walkGroups(connection)) for (const id of page) ids.add(id)
  return [...ids].sort()
}

/** All groups in Redis, in the form of `layoutOf`. */
export async function groupsIn(connection: RedisConnection): Promise<Layout> {
  return await contentOf(connection, [connection.settings.groupPrefix])
}

export async function allIn(connection: RedisConnection): Promise<Layout> {
  const { groupPrefix, userPrefix } = connection.settings
  return await contentOf(connection, [groupPrefix, userPrefix])
}

async function contentOf(
  connection: RedisConnection,
  prefixes: readonly string[],
): Promise<Layout> {
  const prefix = prefixOf(connection)
  const found = new Set<string>()
  for (const each of prefixes) {
    for await (const keys of walkKeys(connection, `${each}{`, '')) {
      for (const key of keys) found.add(key.slice(prefix.length))
    }
  }
  return await readKeys(connection.client, prefix, [...found])
}

async function deleteAll(connection: RedisConnection): Promise<void> {
  for await (const keys of walkKeys(connection, prefixOf(connection), '')) {
    await Promise.all(keys.map((key) => connection.client.unlink(key)))
  }
}

function prefixOf({ settings }: RedisConnection): string {
  return settings.groupPrefix.slice(0, -'group:'.length)
}
