/**
 * Follows the Redis client from state to state, and reports each outage and its end, once.
 *
 *   opening  the first attempt to connect
 *     -> ready  on `ready`; not reported
 *     -> away   on `close`, or when the attempt takes too long; reported
 *   ready    -> away   on `close`; reported
 *   away     -> ready  on `ready`; reported
 *   any      -> closed by `close()`; not reported, and final
 *
 * Other events of the client: `error` and `node error` say why the next `close` happens;
 * `connecting` begins an attempt; `end` means that ioredis has stopped trying.
 */
import { Unavailable } from '../../pipeline/errors.ts'
import type { RedisClient } from '../lua/scripts.ts'
import { codeOf, failureOf } from './error-translation.ts'

export type RedisState =
  | { readonly ready: true }
  /** `detail` is the reason, for people. */
  | { readonly ready: false; readonly detail: string }

export class ConnectionWatch {
  /** Resolves at the end of state opening; never rejects. */
  readonly opened: Promise<void>
  /** Grows whenever a connection opens or closes; on a Cluster also one to a single server. */
  count = 0
  private readonly client: RedisClient
  private readonly report: (state: RedisState) => void
  private readonly hint: string
  private readonly openTimer: NodeJS.Timeout
  private endOpening = () => {}
  private wasEverReady = false
  /** The first success is not reported, so it begins as if it had been. */
  private isReportedReady = true
  private isInWrongDatabase = false
  private error: Error | null = null

  /**
   * @param report called at each outage and at its end, but not for a first success
   * @param hint what to check if the server accepts connections, but has never been ready
   * @param openTimeoutMs how long the first attempt may take before it is reported as an outage
   */
  constructor(
    client: RedisClient,
    report: (state: RedisState) => void,
    hint: string,
    openTimeoutMs: number,
  ) {
    this.client = client
    this.report = report
    this.hint = hint
    this.opened = new Promise((resolve) => {
      this.endOpening = resolve
    })
    this.openTimer = setTimeout(() => {
      this.changeTo({ ready: false, detail: this.withHint('Redis does not answer') })
    }, openTimeoutMs)
    client.on('connecting', this.onConnecting)
    client.on('error', this.onError)
    client.on('node error', this.onError)
    client.on('close', this.onClose)
    for (const event of ['close', 'ready', '-node', '+node']) client.on(event, this.countOne)
    client.on('ready', this.onReady)
    client.on('end', this.onEnd)
  }

  get ready(): boolean {
    return this.client.status === 'ready' && !this.isInWrongDatabase
  }

  /** Why the connection is away; null once it is ready. */
  get lastError(): Error | null {
    return this.error
  }

  close(): void {
    this.client.off('close', this.onClose)
    this.client.off('end', this.onEnd)
    clearTimeout(this.openTimer)
    this.endOpening()
    this.client.disconnect()
  }

  private readonly countOne = () => {
    this.count++
  }

  private readonly onConnecting = () => {
    this.isInWrongDatabase = false
  }

  private readonly onError = (error: Error) => {
    if (this.isInWrongDatabase) return
    this.error = error
    // SELECT failed: there is no such database, and the client would go on in database 0
    this.isInWrongDatabase = commandOf(error) === 'select'
    if (this.isInWrongDatabase) this.client.disconnect(true)
  }

  private readonly onClose = () => {
    const failure = failureOf(this.error)
    const detail = failure instanceof Unavailable ? failure.message : 'Redis closed the connection'
    this.changeTo({ ready: false, detail: isCut(this.error) ? this.withHint(detail) : detail })
  }

  private readonly onReady = () => {
    if (this.isInWrongDatabase) return
    this.error = null
    this.wasEverReady = true
    this.changeTo({ ready: true })
  }

  /**
   * ioredis stops trying for good if a Sentinel announces a failover while ioredis asks it for the
   * master: the failover detector then ends the connection that is only being opened.
   */
  private readonly onEnd = () => {
    this.client.connect().catch(() => {}) // also emitted as an error event
  }

  private withHint(detail: string): string {
    return this.wasEverReady ? detail : `${detail}: ${this.hint}`
  }

  private changeTo(state: RedisState): void {
    clearTimeout(this.openTimer)
    this.endOpening()
    if (state.ready === this.isReportedReady) return
    this.isReportedReady = state.ready
    this.report(state)
  }
}

/** Whether a server was there, and closed the connection or did not answer. */
function isCut(error: Error | null): boolean {
  return error === null || ['ECONNRESET', 'ETIMEDOUT'].includes(codeOf(error) ?? '')
}

function commandOf(error: Error): unknown {
  const { command } = error as { command?: { name?: unknown } }
  return command?.name
}
