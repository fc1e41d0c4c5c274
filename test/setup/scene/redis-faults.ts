/** What can go wrong with a Redis and the way to it. Each begins it, and gives how to end it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { OwnRedis } from '../servers/own-redis.ts'
import type { Way } from '../servers/proxy.ts'

export interface RedisSite {
  readonly redis: OwnRedis
  /** The way that workers take to it. */
  readonly way: Way
}

/** Resolves once it has begun, with what ends it. */
export type Trouble = (site: RedisSite) => Promise<() => Promise<void>>

export const beingRestarted: Trouble = async ({ redis }) => {
  await redis.shutDown()
  return () => redis.startAgain()
}

export const beingKilled: Trouble = async ({ redis }) => {
  await redis.kill()
  return () => redis.startAgain()
}

/** Commands that time out may well be executed, once it goes on. */
export const frozen: Trouble = async ({ redis }) => {
  redis.freeze()
  return async () => redis.thaw()
}

export const unreachable: Trouble = async ({ way }) => {
  await way.cut()
  return () => way.mend()
}

export const behindASilentWay: Trouble = async ({ way }) => {
  way.freeze()
  return async () => way.thaw()
}

export const farAway =
  (latencyMs: number): Trouble =>
  async ({ way }) => {
    way.slow(latencyMs)
    return async () => way.slow(0)
  }

export const full: Trouble = ({ redis }) => configured(redis, 'maxmemory', '1', '0')

/** Refuses writes: NOREPLICAS. */
export const withoutReplicas: Trouble = ({ redis }) =>
  configured(redis, 'min-replicas-to-write', '1', '0')

/** Refuses writes: READONLY. Its data stay, as there is no master to take others from. */
export const readOnly: Trouble = async ({ redis }) => {
  await withClient(redis, (client) => client.replicaof('127.0.0.1', '1'))
  return () => withClient(redis, (client) => client.replicaof('NO', 'ONE'))
}

/** Lets in nobody who knows the old password only; who is in is thrown out. */
export const underAnotherPassword: Trouble = async ({ redis }) => {
  const { password } = new URL(redis.url)
  await withClient(redis, async (client) => {
    await client.config('SET', 'requirepass', 'another')
    await killClients(client)
  })
  const url = redis.url.replace(`:${password}@`, ':another@')
  return () => withClient({ url }, (client) => client.config('SET', 'requirepass', password))
}

export const losingItsScripts: Trouble = ({ redis }) =>
  overAndOver(() => withClient(redis, (client) => client.script('FLUSH')))

export const throwingOutClients: Trouble = ({ redis }) =>
  overAndOver(() => withClient(redis, killClients))

/** Replies of the merge are short: any end within them will do. */
export const breakingOffReplies: Trouble = ({ way }) =>
  overAndOver((signal) => way.cutInReply(5, signal))

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

async function configured(
  redis: OwnRedis,
  name: string,
  value: string,
  usual: string,
): Promise<() => Promise<void>> {
  await withClient(redis, (client) => client.config('SET', name, value))
  return () => withClient(redis, (client) => client.config('SET', name, usual))
}

/** So that some work gets done in between. */
const EVERY_MS = 150

/** @param act is called off by the signal, where it takes its time */
export async function overAndOver(
  act: (signal: AbortSignal) => Promise<unknown>,
): Promise<() => Promise<void>> {
  const ending = new AbortController()
  const acting = (async () => {
    while (!ending.signal.aborted) {
      await act(ending.signal)
      await sleep(EVERY_MS)
    }
  })()
  acting.catch(() => {}) // told at the end
  return async () => {
    ending.abort()
    await acting
  }
}
