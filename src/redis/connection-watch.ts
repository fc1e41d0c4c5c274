/** Follows a client through its states: opening -> ready <-> away -> closed. */
import { Unavailable } from '../pipeline/outage.ts'
import { failureOf } from './failure.ts'
import type { RedisClient } from './scripts.ts'

export type RedisState =
  | { readonly ready: true }
  /** `detail` says why, for people. */
  | { readonly ready: false; readonly detail: string }

export class ConnectionWatch {
  /** Settles once the first attempt to connect has come out, either way, or takes too long. */
  readonly opened: Promise<void>
  private readonly client: RedisClient
  private readonly tell: (state: RedisState) => void
  private readonly patience: NodeJS.Timeout
  private settle = () => {}
  private wasReady = true
  private isMisplaced = false
  private error: Error | null = null

  /** @param tell told of each outage and of its end; not of a first success */
  constructor(client: RedisClient, tell: (state: RedisState) => void, patienceMs: number) {
    this.client = client
    this.tell = tell
    this.opened = new Promise((resolve) => {
      this.settle = resolve
    })
    this.patience = setTimeout(this.lose, patienceMs)
    client.on('connecting', this.begin)
    client.on('error', this.note)
    client.on('node error', this.note)
    client.on('close', this.lose)
    client.on('ready', this.win)
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
    clearTimeout(this.patience)
    this.settle()
    this.client.disconnect()
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
    const isKnown = failure instanceof Unavailable
    this.change({ ready: false, detail: isKnown ? failure.message : 'Redis closed the connection' })
  }

  private readonly win = () => {
    if (this.isMisplaced) return
    this.error = null
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

function commandOf(error: Error): unknown {
  const { command } = error as { command?: { name?: unknown } }
  return command?.name
}
