/** Creates the Redis client: it fails fast, and reconnects by itself. */
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import { backoffMs } from '../../pipeline/retry.ts'
import { loadScripts, type RedisClient } from '../lua/scripts.ts'
import type { RedisAddress } from './address.ts'
import { codeOf } from './error-translation.ts'

export interface ClientTimeouts {
  readonly connectTimeoutMs: number
  readonly commandTimeoutMs: number
}

/** Creates a client that has the scripts as commands. It begins to connect at once. */
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
        // certificates name hosts, not addresses: with TLS ioredis must not resolve them before
        ...(address.tls && { dnsLookup: (host, done) => done(null, host) }),
      }) as Cluster & RedisClient
    default:
      return address satisfies never
  }
}

/** Options for the connection to each server. */
function nodeOptions(
  { username, password, tls }: RedisAddress,
  { connectTimeoutMs, commandTimeoutMs }: ClientTimeouts,
) {
  return {
    connectionName: 'group-traits',
    // RESP2 is all we need, and every server and proxy speaks it
    protocol: 2,
    disableClientInfo: true,
    // a disconnection fails the commands in flight; else ioredis resends them, or they hang
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    reconnectOnError: (error: Error) => (codeOf(error) === 'READONLY' ? 1 : false),
    connectTimeout: connectTimeoutMs,
    commandTimeout: commandTimeoutMs,
    // reopens a connection that went dead without being closed
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
