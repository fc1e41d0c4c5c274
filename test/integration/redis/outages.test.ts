import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { Unavailable } from '../../../src/pipeline/errors.ts'
import type { Log } from '../../../src/pipeline/ports.ts'
import {
  openRedis,
  type RedisConnection,
  type RedisSettings,
  type RedisState,
} from '../../../src/redis/connection/connection.ts'
import { readGroup } from '../../../src/redis/reading/group-reader.ts'
import { openGroupStore } from '../../../src/redis/writing/group-store.ts'
import { patchOf } from '../../setup/domain/patches.ts'
import { recordLog, silentLog } from '../../setup/logs.ts'
import { openTestRedis, redisSettings } from '../../setup/redis/connection.ts'
import {
  type OwnRedis,
  type OwnRedisOptions,
  startOwnRedis,
} from '../../setup/servers/own-redis.ts'
import { until } from '../../setup/waiting.ts'

const binary = inject('redisServer')
const patch = patchOf('g', { clock: 5, traits: { plan: 'pro' }, users: { u: true } })

describe.skipIf(binary === '')('while Redis answers but', () => {
  test('is full, groups cannot be written; once there is room, they are', async () => {
    const connection = open((await start()).url)
    await connection.opened
    const store = openGroupStore(connection)
    await connection.client.config('SET', 'maxmemory', '1')
    await expect(store.merge([patch])).rejects.toThrow(unavailable('OOM'))
    await expect(store.merge([{ ...patch, erasedAt: 3 }])).rejects.toThrow(unavailable('OOM'))
    expect(await connection.client.dbsize()).toBe(0)
    await connection.client.config('SET', 'maxmemory', '0')
    expect(await store.merge([patch])).toEqual([])
  })

  test('is full, a duplicate is still merged', async () => {
    const connection = open((await start()).url)
    await connection.opened
    const store = openGroupStore(connection)
    await store.merge([patch])
    await connection.client.config('SET', 'maxmemory', '1')
    expect(await store.merge([patch])).toEqual([])
  })

  test('is a read-only replica, groups cannot be written; once it is a master, they are', async () => {
    const connection = open((await start()).url)
    await connection.opened
    const store = openGroupStore(connection)
    await connection.client.replicaof('127.0.0.1', '1')
    await expect(store.merge([patch])).rejects.toThrow(unavailable('READONLY'))
    // the client reconnects: the host name may lead to another server by now
    await until('reconnected', () => connection.client.replicaof('NO', 'ONE'))
    expect(await store.merge([patch])).toEqual([])
  })

  test('is loading its data, groups cannot be written; once it is done, they are', async () => {
    const server = await start({ args: ['--rdbcompression', 'no'] })
    const first = open(server.url)
    await first.opened
    // while loading it answers clients after every 2 MiB; --key-load-delay makes a key take 3 ms
    const traits = { text: 'x'.repeat(20_000) }
    const groups = Array.from({ length: 300 }, (_, i) => patchOf(`g${i}`, { clock: 1, traits }))
    await openGroupStore(first).merge(groups)
    await first.client.save()
    await server.kill()
    await server.startAgain(['--key-load-delay', '3000'])
    const connection = open(server.url, silentLog, { connectTimeoutMs: 300 })
    const store = openGroupStore(connection)
    const failures: unknown[] = []
    await until('loaded', async () => {
      try {
        return await store.merge([patch])
      } catch (error) {
        failures.push(error)
        return undefined
      }
    })
    expect(failures.length).toBeGreaterThan(0)
    expect(failures.every((error) => error instanceof Unavailable)).toBe(true)
    expect(await readGroup(connection, 'g299')).not.toBeNull()
  })

  test('changes its password, groups cannot be written until the old one is valid again', async () => {
    const server = await start({ args: ['--requirepass', 'first'] })
    const connection = openTestRedis(server.url.replace('//', '//:first@'))
    onTestFinished(() => connection.close())
    await connection.opened
    const store = openGroupStore(connection)
    expect(await store.merge([patch])).toEqual([])
    await connection.client.config('SET', 'requirepass', 'second')
    connection.client.disconnect(true)
    await until('the password is refused', () => /WRONGPASS/.test(String(connection.lastError)))
    await expect(store.merge([patch])).rejects.toThrow(unavailable('WRONGPASS'))
    const admin = open(server.url.replace('//', '//:second@'))
    await admin.opened
    await admin.client.config('SET', 'requirepass', 'first')
    await until('back', () => connection.ready)
    expect(await store.merge([patch])).toEqual([])
  })
})

describe.skipIf(binary === '')('while Redis', () => {
  test('is away, calls fail at once; once it is back, they succeed on the same connection object', async () => {
    const server = await start()
    const states: RedisState[] = []
    const connection = openRedis(redisSettings(server.url), silentLog, (state) =>
      states.push(state),
    )
    onTestFinished(() => connection.close())
    await connection.opened
    const store = openGroupStore(connection)
    expect(await store.merge([patch])).toEqual([])
    await server.kill()
    await until('the outage is noticed', () => !connection.ready)
    const startedMs = performance.now()
    await expect(store.merge([patch])).rejects.toThrow(Unavailable)
    await expect(readGroup(connection, 'g')).rejects.toThrow(Unavailable)
    expect(performance.now() - startedMs).toBeLessThan(1000)
    await server.startAgain()
    await until('back', () => connection.ready)
    expect(await store.merge([patch])).toEqual([])
    expect(states).toEqual([{ ready: false, detail: expect.any(String) }, { ready: true }])
  })

  test('is away, that is logged once, and once more when it is back, however long it takes', async () => {
    const server = await start()
    const log = recordLog()
    const connection = open(server.url, log)
    await connection.opened
    let attempts = 0
    connection.client.on('connecting', () => {
      attempts += 1
    })
    await server.kill()
    await until('several attempts', () => attempts > 3)
    await server.startAgain()
    await until('back', () => connection.ready)
    expect(log.lines).toEqual([
      { level: 'warn', facts: expect.anything(), message: 'Redis is away: waiting for it' },
      { level: 'info', facts: expect.anything(), message: 'Redis is back' },
    ])
  })

  test('is away from the start, calls fail with the reason; once it is there, they succeed', async () => {
    const server = await start()
    await server.kill()
    const log = recordLog()
    const connection = open(server.url, log)
    await expect(openGroupStore(connection).merge([patch])).rejects.toThrow(
      unavailable('ECONNREFUSED'),
    )
    expect(connection.lastError).toMatchObject({ code: 'ECONNREFUSED' })
    expect(log.lines.map(({ facts }) => facts)).toEqual([
      { redis: `127.0.0.1:${server.port}`, detail: 'Redis cannot be reached (ECONNREFUSED)' },
    ])
    await server.startAgain()
    await until('connected', () => connection.ready)
    expect(await openGroupStore(connection).merge([patch])).toEqual([])
  })

  test('hangs, a call ends by its time-out, and the connection is reopened', async () => {
    const server = await start()
    const connection = open(server.url, silentLog, { commandTimeoutMs: 300 })
    await connection.opened
    const store = openGroupStore(connection)
    process.kill(server.pid, 'SIGSTOP')
    try {
      await expect(store.merge([patch])).rejects.toThrow(unavailable('TIMEOUT'))
      await until('the connection is closed', () => !connection.ready)
    } finally {
      process.kill(server.pid, 'SIGCONT')
    }
    await until('back', () => connection.ready)
    expect(await store.merge([patch])).toEqual([])
  })

  test('is killed during many calls, none of them hangs, and all can be repeated', async () => {
    const server = await start()
    const connection = open(server.url)
    await connection.opened
    const store = openGroupStore(connection)
    const patches = Array.from({ length: 5000 }, (_, i) =>
      patchOf(`g${i}`, { clock: 1, traits: { i: `${i}` } }),
    )
    const outcome = expect(store.merge(patches)).rejects.toThrow(Unavailable)
    const startedMs = performance.now()
    await server.kill()
    await outcome
    expect(performance.now() - startedMs, 'it waited for a time-out').toBeLessThan(4000)
    await server.startAgain()
    await until('back', () => connection.ready)
    expect(await store.merge(patches)).toEqual([])
    expect(await connection.client.dbsize()).toBe(10_000)
  })
})

async function start(options?: OwnRedisOptions): Promise<OwnRedis> {
  const server = await startOwnRedis(binary, options)
  onTestFinished(() => server.stop())
  return server
}

function open(
  url: string,
  log: Log = silentLog,
  changes: Partial<RedisSettings> = {},
): RedisConnection {
  const connection = openRedis(redisSettings(url, changes), log)
  onTestFinished(() => connection.close())
  return connection
}

function unavailable(code: string) {
  return expect.objectContaining({ name: 'Unavailable', message: expect.stringContaining(code) })
}
