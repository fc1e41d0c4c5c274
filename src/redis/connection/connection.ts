/** The connection to Redis, as all of this folder shares it. */
import type { Log } from '../../pipeline/ports.ts'
import type { KeyPrefixes } from '../keys.ts'
import type { RedisClient } from '../lua/scripts.ts'
import { describeAddress, parseRedisUrl, type RedisAddress, tlsHint } from './address.ts'
import { type ClientTimeouts, createClient } from './client.ts'
import { routeClientWarnings } from './client-warnings.ts'
import { ConnectionWatch, type RedisState } from './connection-watch.ts'

export type { RedisState } from './connection-watch.ts'

export interface RedisSettings extends KeyPrefixes, ClientTimeouts {
  /** One of `REDIS_URL_FORMS`. */
  readonly url: string
  /** Whether `user:{ID}:groups` and `user:{ID}:left` are kept. */
  readonly userIndex: boolean
}

export interface RedisConnection {
  readonly settings: RedisSettings
  readonly address: RedisAddress
  readonly client: RedisClient
  readonly log: Log
  /** Settles once the first attempt to connect has come out, either way; never rejects. */
  readonly opened: Promise<void>
  /** Counts the connections, of a Cluster those to each of its servers. */
  readonly count: number
  /** Whether commands can be sent now. */
  readonly ready: boolean
  /** Why the last attempt to connect failed; null once ready. */
  readonly lastError: Error | null
  close(): void
}

/**
 * Opens a connection, which then comes, goes and comes again by itself. It queues nothing: a
 * command on a connection that is away fails at once.
 *
 * @param onStateChange told once of each outage, and once of its end; by default the log is
 * @throws Error where the URL is not understood
 */
export function openRedis(
  settings: RedisSettings,
  log: Log,
  onStateChange?: (state: RedisState) => void,
): RedisConnection {
  const address = parseRedisUrl(settings.url)
  routeClientWarnings(log)
  const client = createClient(address, settings)
  const tell = onStateChange ?? sayTo(log, describeAddress(address))
  const watch = new ConnectionWatch(client, tell, tlsHint(address), settings.connectTimeoutMs)
  return {
    settings,
    address,
    client,
    log,
    opened: watch.opened,
    get count() {
      return watch.count
    },
    get ready() {
      return watch.ready
    },
    get lastError() {
      return watch.lastError
    },
    close: () => watch.close(),
  }
}

function sayTo(log: Log, redis: string): (state: RedisState) => void {
  return (state) => {
    if (state.ready) log.info({ redis }, 'Redis is back')
    else log.warn({ redis, detail: state.detail }, 'Redis is away: waiting for it')
  }
}
