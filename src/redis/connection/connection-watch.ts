/** Follows a client through its states: opening -> ready <-> away -> closed. */
import { Unavailable } from '../../pipeline/errors.ts'
import type { RedisClient } from '../lua/scripts.ts'
import { codeOf, failureOf } from './failure.ts'

export type RedisState =
  | { readonly ready: true }
  /** `detail` says why, for people. */
  | { readonly ready: false; readonly detail: string }

export class ConnectionWatch {
  /** Settles once the first attempt to connect has come out, either way, or takes too long. */
  readonly opened: Promise<void>
  /** Grows with each connection that came or went, of a Cluster with those to its servers. */
  count = 0
  private readonly client: RedisClient
  private readonly tell: (state: RedisState) => void
  private readonly hint: string
  private readonly patience: NodeJS.Timeout
  private settle = () => {}
  private wasReady = true
  private isNew = true
  private isMisplaced = false
  private error: Error | null = null

  /**
   * @param tell told of each outage and of its end; not of a first success
   * @param hint what to look at where the server is there, and yet the connection never was
   * @param patienceMs how long the first attempt may take before it is told as an outage
   */
  constructor(
    client: RedisClient,
    tell: (state: RedisState) => void,
    hint: string,
    patienceMs: number,
  ) {
    this.client = client
    this.tell = tell
    this.hint = hint
    this.opened = new Promise((resolve) => {
      this.settle = resolve
    })
    this.patience = setTimeout(() => this.suspect('Redis does not answer'), patienceMs)
    client.on('connecting', this.begin)
    client.on('error', this.note)
    client.on('node error', this.note)
    client.on('close', this.lose)
    for (const event of ['close', 'ready', '-node', '+node']) client.on(event, this.countOne)
    client.on('ready', this.win)
    client.on('end', this.revive)
  }

  get ready(): boolean {
    return this.client.status === 'ready' && !this.isMisplaced
  }

  /** Why the connection is away; null once it is ready. */
  get lastError(): Error | null {
    return this.error
  }

  close(): void {
    this.client.off('close', this.lose)
    this.client.off('end', this.revive)
    clearTimeout(this.patience)
    this.settle()
    this.client.disconnect()
  }

  private readonly countOne = () => {
    this.count++
  }

  private readonly begin = () => {
    this.isMisplaced = false
  }

  private readonly note = (error: Error) => {
    if (this.isMisplaced) return
    this.error = error
    // there is no such database: the client would go on in database 0
    this.isMisplaced = commandOf(error) === 'select'
    if (this.isMisplaced) this.client.disconnect(true)
  }

  private readonly lose = () => {
    const failure = failureOf(this.error)
    const detail = failure instanceof Unavailable ? failure.message : 'Redis closed the connection'
    if (isCut(this.error)) this.suspect(detail)
    else this.change({ ready: false, detail })
  }

  /**
   * ioredis gives up for good where a Sentinel tells of a failover while it asks for the master:
   * its failover detector ends the connection that is only being made.
   */
  private readonly revive = () => {
    this.client.connect().catch(() => {}) // told as an error event as well
  }

  private suspect(detail: string): void {
    this.change({ ready: false, detail: this.isNew ? `${detail}: ${this.hint}` : detail })
  }

  private readonly win = () => {
    if (this.isMisplaced) return
    this.error = null
    this.isNew = false
    this.change({ ready: true })
  }

  private change(state: RedisState): void {
    clearTimeout(this.patience)
    this.settle()
    if (state.ready === this.wasReady) return
    this.wasReady = state.ready
    this.tell(state)
  }
}

/** Something is there, and ended the connection, or says nothing. */
function isCut(error: Error | null): boolean {
  return error === null || ['ECONNRESET', 'ETIMEDOUT'].includes(codeOf(error) ?? '')
}

function commandOf(error: Error): unknown {
  const { command } = error as { command?: { name?: unknown } }
  return command?.name
}
