/** The Redis client, set up so that it fails fast and reconnects by itself. */
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import { backoffMs } from '../../pipeline/retry.ts'
import { loadScripts, type RedisClient } from '../lua/scripts.ts'
import type { RedisAddress } from './address.ts'
import { codeOf } from './failure.ts'

export interface ClientTimeouts {
  readonly connectTimeoutMs: number
  readonly commandTimeoutMs: number
}

/** A client that knows the scripts, and that begins to connect at once. */
export function createClient(address: RedisAddress, timeouts: ClientTimeouts): RedisClient {
  const options = nodeOptions(address, timeouts)
  const single = {
    ...options,
    scripts: loadScripts(),
    retryStrategy: retryDelayMs,
    enableOfflineQueue: false,
  }
  switch (address.mode) {
    case 'standalone':
      return new Redis({ ...single, ...address.endpoint, db: address.db }) as Redis & RedisClient
    case 'sentinel':
      return new Redis({
        ...single,
        sentinels: [...address.endpoints],
        name: address.master,
        db: address.db,
        sentinelRetryStrategy: retryDelayMs,
        sentinelCommandTimeout: timeouts.commandTimeoutMs,
        failoverDetector: true,
        ...(address.tls && { enableTLSForSentinelMode: true, sentinelTLS: {} }),
      }) as Redis & RedisClient
    case 'cluster':
      return new Cluster([...address.endpoints], {
        scripts: loadScripts(),
        enableOfflineQueue: false,
        clusterRetryStrategy: retryDelayMs,
        slotsRefreshTimeout: timeouts.connectTimeoutMs,
        maxRedirections: 8,
        redisOptions: options,
        // certificates are made out to names: with TLS nothing is looked up beforehand
        ...(address.tls && { dnsLookup: (host, done) => done(null, host) }),
      }) as Cluster & RedisClient
    default:
      return address satisfies never
  }
}

/** What holds for the connection to every single server. */
function nodeOptions(
  { username, password, tls }: RedisAddress,
  { connectTimeoutMs, commandTimeoutMs }: ClientTimeouts,
) {
  return {
    connectionName: 'group-traits',
    // RESP2: nothing here needs more, and every server and proxy speaks it
    protocol: 2,
    disableClientInfo: true,
    // fail what is under way at the first disconnection; otherwise it is sent again, or hangs
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    reconnectOnError: (error: Error) => (codeOf(error) === 'READONLY' ? 1 : false),
    connectTimeout: connectTimeoutMs,
    commandTimeout: commandTimeoutMs,
    // a connection that went dead without a word is given up and made anew
    socketTimeout: commandTimeoutMs + 1000,
    maxLoadingRetryTime: 500,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: {} }),
  } satisfies RedisOptions
}

function retryDelayMs(attempt: number): number {
  return backoffMs(attempt, { firstDelayMs: 50, maxDelayMs: 2000, random: Math.random })
}
