/** Faults of a Redis server and of the connections to it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { OwnRedis } from '../servers/own-redis.ts'
import type { TcpProxy } from '../servers/proxy.ts'

export interface RedisSite {
  readonly redis: OwnRedis
  /** The proxy through which the workers connect. */
  readonly proxy: TcpProxy
}

/** Begins the fault; resolves with a function that ends it. */
export type RedisFault = (site: RedisSite) => Promise<() => Promise<void>>

export const restartRedis: RedisFault = async ({ redis }) => {
  await redis.shutDown()
  return () => redis.startAgain()
}

export const killRedis: RedisFault = async ({ redis }) => {
  await redis.kill()
  return () => redis.startAgain()
}

/** Commands that time out are executed all the same once Redis continues. */
export const freezeRedis: RedisFault = async ({ redis }) => {
  redis.freeze()
  return async () => redis.thaw()
}

export const cutConnections: RedisFault = async ({ proxy }) => {
  await proxy.cut()
  return () => proxy.restore()
}

export const freezeConnections: RedisFault = async ({ proxy }) => {
  proxy.freeze()
  return async () => proxy.thaw()
}

export const delayConnections =
  (latencyMs: number): RedisFault =>
  async ({ proxy }) => {
    proxy.delay(latencyMs)
    return async () => proxy.delay(0)
  }

export const fillMemory: RedisFault = ({ redis }) => setConfig(redis, 'maxmemory', '1', '0')

/** Redis rejects writes with NOREPLICAS. */
export const requireReplicas: RedisFault = ({ redis }) =>
  setConfig(redis, 'min-replicas-to-write', '1', '0')

/** Redis rejects writes with READONLY. It keeps its data, because its master does not exist. */
export const makeReadOnly: RedisFault = async ({ redis }) => {
  await withClient(redis, (client) => client.replicaof('127.0.0.1', '1'))
  return () => withClient(redis, (client) => client.replicaof('NO', 'ONE'))
}

/** Changes the password and closes all connections. */
export const changePassword: RedisFault = async ({ redis }) => {
  const { password } = new URL(redis.url)
  await withClient(redis, async (client) => {
    await client.config('SET', 'requirepass', 'another')
    await killClients(client)
  })
  const url = redis.url.replace(`:${password}@`, ':another@')
  return () => withClient({ url }, (client) => client.config('SET', 'requirepass', password))
}

export const flushScriptsRepeatedly: RedisFault = ({ redis }) =>
  repeatedly(() => withClient(redis, (client) => client.script('FLUSH')))

export const killClientsRepeatedly: RedisFault = ({ redis }) =>
  repeatedly(() => withClient(redis, killClients))

/** Cuts replies after 5 bytes: the replies of a merge are short. */
export const cutRepliesRepeatedly: RedisFault = ({ proxy }) =>
  repeatedly((signal) => proxy.cutInReply(5, signal))

export async function withClient(
  { url }: Pick<OwnRedis, 'url'>,
  work: (client: Redis) => Promise<unknown>,
): Promise<void> {
  const client = new Redis(url)
  try {
    await work(client)
  } finally {
    client.disconnect()
  }
}

async function killClients(client: Redis): Promise<void> {
  await client.call('CLIENT', 'KILL', 'TYPE', 'normal')
}

async function setConfig(
  redis: OwnRedis,
  name: string,
  value: string,
  original: string,
): Promise<() => Promise<void>> {
  await withClient(redis, (client) => client.config('SET', name, value))
  return () => withClient(redis, (client) => client.config('SET', name, original))
}

/** Leaves the workers some time to make progress. */
const PAUSE_MS = 150

/** @param act gets a signal that ends it early */
export async function repeatedly(
  act: (signal: AbortSignal) => Promise<unknown>,
): Promise<() => Promise<void>> {
  const ending = new AbortController()
  const acting = (async () => {
    while (!ending.signal.aborted) {
      await act(ending.signal)
      await sleep(PAUSE_MS)
    }
  })()
  acting.catch(() => {}) // thrown when the fault ends
  return async () => {
    ending.abort()
    await acting
  }
}
