import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, inject, test } from 'vitest'
import type { RedisConnection } from '../../../src/redis/connection/connection.ts'
import { checkServer } from '../../../src/redis/connection/server-check.ts'
import { readGroup } from '../../../src/redis/reading/group-reader.ts'
import { openGroupStore } from '../../../src/redis/writing/group-store.ts'
import { patchOf } from '../../setup/domain/patches.ts'
import { openTestRedis } from '../../setup/redis/connection.ts'
import {
  type OwnRedis,
  type OwnRedisOptions,
  startOwnRedis,
} from '../../setup/servers/own-redis.ts'
import { until } from '../../setup/waiting.ts'

const binary = inject('redisServer')

describe.skipIf(binary === '')('behind Sentinels', () => {
  const servers: OwnRedis[] = []
  let connection: RedisConnection | undefined

  async function start(options: OwnRedisOptions): Promise<OwnRedis> {
    const server = await startOwnRedis(binary, options)
    servers.push(server)
    return server
  }

  afterEach(async () => {
    connection?.close()
    await Promise.all(servers.splice(0).map((server) => server.stop()))
  })

  test('the client finds the master, and after a failover the new master', async () => {
    const master = await start({})
    const replica = await start({ args: ['--replicaof', '127.0.0.1', `${master.port}`] })
    const sentinel = await start({
      configFile: (folder) => writeSentinelConfig(folder, master.port),
      args: ['--sentinel'],
      readyLine: 'Sentinel ID is',
    })
    const opened = openTestRedis(`redis+sentinel://127.0.0.1:${sentinel.port}/main`)
    connection = opened
    const store = openGroupStore(opened)
    await until('the master is found', () => checkServer(opened).then(() => true))
    expect(await store.merge([patchOf('g', { clock: 1, traits: { plan: 'free' } })])).toEqual([])
    await until('replicated', () => opened.client.wait(1, 100).then((replicas) => replicas === 1))

    await until('the sentinel knows the replica', () => knowsReplica(sentinel))

    await master.kill()
    const later = patchOf('g', { clock: 2, traits: { name: 'Acme' } })
    await until('failed over', () => store.merge([later]).then(() => true), 60_000)
    const group = await readGroup(opened, 'g')
    expect(group?.traits.map(({ name }) => name)).toEqual(['name', 'plan'])
    expect(await opened.client.config('GET', 'port')).toEqual(['port', `${replica.port}`])
  }, 90_000)

  test('a failover announced while the client asks for the master does not end the connection', async () => {
    const master = await start({})
    const sentinel = await start({
      configFile: (folder) => writeSentinelConfig(folder, master.port),
      args: ['--sentinel'],
      readyLine: 'Sentinel ID is',
    })
    const opened = openTestRedis(`redis+sentinel://127.0.0.1:${sentinel.port}/main`)
    connection = opened
    await until('the master is found', () => checkServer(opened).then(() => true))
    const client = opened.client as Redis
    const ended = new Promise<void>((resolve) => client.once('end', () => resolve()))
    // as ioredis' failover detector does
    const { connector } = client as unknown as { connector: { disconnect(): void } }
    client.once('connecting', () => connector.disconnect())
    client.disconnect(true)
    await ended
    await until('the master is found again', () => checkServer(opened).then(() => true))
  }, 60_000)
})

/** A Sentinel asks the master for its replicas every 10 s only, and a dead master names none. */
async function knowsReplica({ port }: OwnRedis): Promise<boolean> {
  const client = new Redis(port)
  try {
    const replicas = (await client.call('SENTINEL', 'REPLICAS', 'main')) as unknown[]
    return replicas.length === 1
  } finally {
    client.disconnect()
  }
}

async function writeSentinelConfig(folder: string, masterPort: number): Promise<string> {
  const file = join(folder, 'sentinel.conf')
  await writeFile(
    file,
    [
      `sentinel monitor main 127.0.0.1 ${masterPort} 1`,
      'sentinel down-after-milliseconds main 500',
      'sentinel failover-timeout main 2000',
      '',
    ].join('\n'),
  )
  return file
}
