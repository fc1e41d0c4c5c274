/**
 * The connection to Redis: opening -> ready <-> away -> closed. It reconnects by itself, and
 * queues nothing meanwhile: a command on a connection that is away fails at once.
 */
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import type { Log } from '../pipeline/ports.ts'
import { describeAddress, parseRedisUrl, type RedisAddress } from './address.ts'
import { codeOf } from './failure.ts'
import type { KeyPrefixes } from './keys.ts'
import { loadScripts, type RedisClient } from './scripts.ts'

export interface RedisSettings extends KeyPrefixes {
  /** One of `REDIS_URL_FORMS`. */
  readonly url: string
  /** Whether `user:{ID}:groups` and `user:{ID}:left` are kept. */
  readonly userIndex: boolean
  readonly connectTimeoutMs: number
  readonly commandTimeoutMs: number
}

export type RedisState =
  | { readonly ready: true }
  /** `detail` says why, as a code: `ECONNREFUSED`, `WRONGPASS`. */
  | { readonly ready: false; readonly detail: string }

export interface RedisConnection {
  readonly settings: RedisSettings
  readonly address: RedisAddress
  readonly client: RedisClient
  readonly log: Log
  /** Settles once the first attempt to connect has come out, either way; never rejects. */
  readonly opened: Promise<void>
  /** Whether commands can be sent now. */
  readonly ready: boolean
  /** Why the last attempt to connect failed; null once ready. */
  readonly lastError: Error | null
  close(): void
}

/**
 * Opens a connection, which then comes, goes and comes again by itself.
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
  const client = createClient(address, settings)
  const tell = onStateChange ?? sayTo(log, describeAddress(address))

  let ready: boolean | undefined
  let lastError: Error | null = null
  let isMisplaced = false
  let settle = () => {}
  const opened = new Promise<void>((resolve) => {
    settle = resolve
  })

  const change = (state: RedisState) => {
    const isNews = state.ready !== (ready ?? true)
    ready = state.ready
    clearTimeout(patience)
    settle()
    if (isNews) tell(state)
  }
  const lose = () => {
    const code = lastError && codeOf(lastError)
    change({ ready: false, detail: code ?? 'DISCONNECTED' })
  }
  const patience = setTimeout(lose, settings.connectTimeoutMs)

  const note = (error: Error) => {
    if (isMisplaced) return
    lastError = error
    // the client would go on in database 0
    isMisplaced = commandOf(error) === 'select'
    if (isMisplaced) client.disconnect(true)
  }
  client.on('error', note)
  client.on('node error', note)
  client.on('close', lose)
  client.on('ready', () => {
    if (isMisplaced) return
    lastError = null
    change({ ready: true })
  })
  client.on('connecting', () => {
    isMisplaced = false
  })

  return {
    settings,
    address,
    client,
    log,
    opened,
    get ready() {
      return client.status === 'ready' && !isMisplaced
    },
    get lastError() {
      return lastError
    },
    close() {
      client.off('close', lose)
      clearTimeout(patience)
      settle()
      client.disconnect()
    },
  }
}

function createClient(address: RedisAddress, settings: RedisSettings): RedisClient {
  const options = nodeOptions(address, settings)
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
        sentinelCommandTimeout: settings.commandTimeoutMs,
        failoverDetector: true,
        ...(address.tls && { enableTLSForSentinelMode: true, sentinelTLS: {} }),
      }) as Redis & RedisClient
    case 'cluster':
      return new Cluster([...address.endpoints], {
        scripts: loadScripts(),
        enableOfflineQueue: false,
        clusterRetryStrategy: retryDelayMs,
        slotsRefreshTimeout: settings.connectTimeoutMs,
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
  { connectTimeoutMs, commandTimeoutMs }: RedisSettings,
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

/** Doubled for each attempt, capped, half of it left to chance. */
function retryDelayMs(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 10), 2000) * (0.5 + 0.5 * Math.random())
}

function commandOf(error: Error): unknown {
  const { command } = error as { command?: { name?: unknown } }
  return command?.name
}

function sayTo(log: Log, redis: string): (state: RedisState) => void {
  return (state) => {
    if (state.ready) log.info({ redis }, 'Redis is back')
    else log.warn({ redis, code: state.detail }, 'Redis is away: waiting for it')
  }
}
