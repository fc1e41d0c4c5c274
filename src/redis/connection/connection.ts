/** The connection to Redis that everything in src/redis shares. */
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
  /** Whether the user index is kept: `user:{ID}:groups` and `user:{ID}:left`. */
  readonly userIndex: boolean
}

export interface RedisConnection {
  readonly settings: RedisSettings
  readonly address: RedisAddress
  readonly client: RedisClient
  readonly log: Log
  /** Resolves once the first attempt to connect has succeeded or failed; never rejects. */
  readonly opened: Promise<void>
  /** Grows whenever a connection opens or closes; on a Cluster also one to a single server. */
  readonly count: number
  /** Whether commands can be sent now. */
  readonly ready: boolean
  /** Why the connection is away; null once it is ready. */
  readonly lastError: Error | null
  close(): void
}

/**
 * Opens a connection, which reconnects by itself. It queues nothing: while it is away, a command
 * fails at once.
 *
 * @param onStateChange called once for each outage and once at its end; by default, it is logged
 * @throws Error if the URL has none of the accepted forms
 */
export function openRedis(
  settings: RedisSettings,
  log: Log,
  onStateChange?: (state: RedisState) => void,
): RedisConnection {
  const address = parseRedisUrl(settings.url)
  routeClientWarnings(log)
  const client = createClient(address, settings)
  const report = onStateChange ?? reportTo(log, describeAddress(address))
  const watch = new ConnectionWatch(client, report, tlsHint(address), settings.connectTimeoutMs)
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

function reportTo(log: Log, redis: string): (state: RedisState) => void {
  return (state) => {
    if (state.ready) log.info({ redis }, 'Redis is back')
    else log.warn({ redis, detail: state.detail }, 'Redis is away: waiting for it')
  }
}
