import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { NotRetriable, Unavailable } from '../../../src/pipeline/errors.ts'
import type { Log } from '../../../src/pipeline/ports.ts'
import { openRedis, type RedisConnection } from '../../../src/redis/connection/connection.ts'
import { checkServer } from '../../../src/redis/connection/server-check.ts'
import { openGroupStore } from '../../../src/redis/writing/group-store.ts'
import { patchOf } from '../../setup/domain/patches.ts'
import { recordLog, silentLog } from '../../setup/logs.ts'
import { redisSettings } from '../../setup/redis/connection.ts'
import { startOldRedis } from '../../setup/servers/old-redis.ts'
import { type OwnRedis, startOwnRedis } from '../../setup/servers/own-redis.ts'

const binary = inject('redisServer')
const RIGHTS =
  '~group:* ~user:* ~group-traits:* +@hash +@sortedset +@scripting +@connection +exists +type +info +config|get +cluster'

describe.skipIf(binary === '')('the check of the server at start', () => {
  const { server, admin, connections, open, check } = useServer()

  test('accepts a server with its default settings', async () => {
    const log = recordLog()
    await check(server().url, log)
    expect(log.lines).toEqual([])
  })

  test.each(['allkeys-lru', 'allkeys-lfu', 'allkeys-random'])(
    'rejects a server that would delete groups when it is full: %s',
    async (policy) => {
      await admin().client.config('SET', 'maxmemory-policy', policy)
      const rejection = await check(server().url).catch((error) => error)
      await admin().client.config('SET', 'maxmemory-policy', 'noeviction')
      expect(rejection).toBeInstanceOf(NotRetriable)
      expect(rejection.message).toContain(policy)
      expect(rejection.message).toContain('CONFIG SET maxmemory-policy noeviction')
    },
  )

  test('accepts volatile-lru: the keys of groups never expire', async () => {
    await admin().client.config('SET', 'maxmemory-policy', 'volatile-lru')
    await check(server().url)
    await admin().client.config('SET', 'maxmemory-policy', 'noeviction')
  })

  test.each(['5.0.14', '6.0.16', '2.8.0'])('rejects Redis %s', async (version) => {
    const old = await startOldRedis(version)
    const rejection = await check(old.url).catch((error) => error)
    for (const connection of connections.splice(0)) connection.close()
    await old.stop()
    expect(rejection).toBeInstanceOf(NotRetriable)
    expect(rejection.message).toContain(`is version ${version}: use Redis or Valkey 6.2 or later`)
  })

  test('rejects a database that the server does not have', async () => {
    const connection = open(`${server().url}/99`)
    await expect(checkServer(connection)).rejects.toThrow(/no such database/)
    // and nothing is written to another database
    const store = openGroupStore(connection)
    const patch = patchOf('misplaced', { clock: 1 })
    await expect(store.merge([patch])).rejects.toThrow(Unavailable)
    expect(await admin().client.exists('group:{misplaced}:clock')).toBe(0)
  })

  test('uses the database that the URL names', async () => {
    const connection = open(`${server().url}/3`)
    await checkServer(connection)
    await openGroupStore(connection).merge([patchOf('placed', { clock: 1 })])
    await admin().client.select(3)
    expect(await admin().client.exists('group:{placed}:clock')).toBe(1)
    await admin().client.select(0)
    expect(await admin().client.exists('group:{placed}:clock')).toBe(0)
  })

  test('rejects a Cluster with the URL of a single server, and the other proxy round', async () => {
    const node = await startOwnRedis(binary, { args: ['--cluster-enabled', 'yes'] })
    try {
      await expect(check(node.url)).rejects.toThrow(/redis\+cluster:/)
      await expect(check(server().url.replace('redis:', 'redis+cluster:'))).rejects.toThrow(
        /is not a Cluster/,
      )
    } finally {
      for (const connection of connections.splice(0)) connection.close()
      await node.stop()
    }
  })

  test('reports a server that is away as an outage, rather than reject it', async () => {
    const gone = await startOwnRedis(binary)
    await gone.stop()
    await expect(check(gone.url)).rejects.toThrow(Unavailable)
  })

  test('accepts a server that is full', async () => {
    await admin().client.config('SET', 'maxmemory', '1')
    await check(server().url)
    await admin().client.config('SET', 'maxmemory', '0')
  })
})

describe.skipIf(binary === '')('the check of login and rights', () => {
  const { server, admin, open, check, setUser } = useServer()

  test('rejects a wrong password, and does not show it', async () => {
    await setUser(RIGHTS)
    const rejection = await check(server().url.replace('//', '//worker:hunter2@')).catch((e) => e)
    expect(rejection).toBeInstanceOf(NotRetriable)
    expect(rejection.message).toContain('WRONGPASS')
    expect(rejection.message).not.toContain('hunter2')
  })

  test('rejects a URL without a password if the server asks for one', async () => {
    await admin().client.config('SET', 'requirepass', 'secret')
    const rejection = await check(server().url).catch((error) => error)
    await admin().client.config('SET', 'requirepass', '')
    expect(rejection).toBeInstanceOf(NotRetriable)
    expect(rejection.message).toContain('NOAUTH')
  })

  test('accepts a user who has exactly the rights that its message asks for', async () => {
    const url = await setUser(RIGHTS)
    await check(url)
    const patch = patchOf('check', { clock: 1, traits: { a: 'b', c: null }, users: { u: true } })
    const store = openGroupStore(open(url))
    expect(await store.merge([patch])).toEqual([])
    expect(await store.merge([{ ...patch, erasedAt: 1 }])).toEqual([])
  })

  test.each([
    { without: '-hset', lacks: 'HSET on group:' },
    { without: '-zmscore', lacks: 'ZMSCORE' },
    { without: '-@scripting', lacks: 'eval' },
    { without: '-evalsha', lacks: 'evalsha' },
    { without: 'resetkeys ~group:*', lacks: 'access to its keys' },
    { without: 'resetkeys ~user:*', lacks: 'access to its keys' },
    { without: 'resetkeys ~group:* ~user:*', lacks: 'access to its keys' },
    {
      without: 'resetkeys ~group:* ~user:* ~group-traits:applied:*',
      lacks: 'access to its keys',
    },
    { without: 'resetkeys ~group:{%} ~user:* ~group-traits:*', lacks: 'HGET on group:{%}:clock' },
  ])('rejects a user who lacks a right, and names it: $without', async ({ without, lacks }) => {
    const url = await setUser(`${RIGHTS} ${without}`)
    const rejection = await check(url).catch((error) => error)
    expect(rejection).toBeInstanceOf(NotRetriable)
    expect(rejection.message).toContain(lacks)
    expect(rejection.message).toContain(`ACL SETUSER <user> ${RIGHTS}`)
  })

  test('accepts a server that forbids INFO and CONFIG, with a warning', async () => {
    const log = recordLog()
    await check(await setUser(`${RIGHTS} -info -config`), log)
    expect(log.lines).toEqual([
      { level: 'warn', facts: expect.anything(), message: expect.stringContaining('noeviction') },
    ])
  })

  test('logs once that the server asks for no password', async () => {
    const log = recordLog()
    const connection = open(server().url.replace('//', '//:hunter2@'), log)
    await checkServer(connection)
    const { client } = connection
    const reconnected = once(client, 'ready')
    client.disconnect(true)
    await reconnected
    const warnings = log.lines.filter(({ message }) => message.includes('asks for no password'))
    expect(warnings).toHaveLength(1)
  })
})

/** A server that the tests of a describe share, with an administrator. */
function useServer() {
  let server: OwnRedis
  let admin: RedisConnection
  const connections: RedisConnection[] = []

  function open(url: string, log: Log = silentLog): RedisConnection {
    const connection = openRedis(redisSettings(url), log)
    connections.push(connection)
    return connection
  }
  const check = (url: string, log?: Log) => checkServer(open(url, log))

  async function setUser(rights: string): Promise<string> {
    await admin.client.call('ACL', 'SETUSER', 'worker', 'reset', 'on', '>p', ...rights.split(' '))
    return server.url.replace('//', '//worker:p@')
  }

  beforeAll(async () => {
    server = await startOwnRedis(binary)
    admin = openRedis(redisSettings(server.url), silentLog)
    await admin.opened
  })
  afterEach(() => {
    for (const connection of connections.splice(0)) connection.close()
  })
  afterAll(async () => {
    admin.close()
    await server.stop()
  })

  return {
    server: () => server,
    admin: () => admin,
    /** Those of `open` and `check`, which are closed after the test. */
    connections,
    open,
    check,
    setUser,
  }
}
