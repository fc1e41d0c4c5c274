/**
 * Models the network. A request and its reply travel separately, each with its own latency, and
 * each may be lost. So a request that timed out may have been executed, or may be later.
 */
import type { Process } from './process.ts'
import type { Scheduler } from './scheduler.ts'

export type Outcome<Result> = { readonly value: Result } | { readonly error: Error }
export type Reply<Result> = (outcome: Outcome<Result>) => void

/** The connection from one worker to one server. */
export class Link {
  /** Everything sent before this time is lost. */
  closedUntilMs = 0
  private readonly scheduler: Scheduler
  private readonly networkFaults: NetworkFaults

  constructor(scheduler: Scheduler, networkFaults: NetworkFaults) {
    this.scheduler = scheduler
    this.networkFaults = networkFaults
  }

  latencyMs(): number {
    const { chance } = this.scheduler
    if (chance.happens(this.networkFaults.lateShare)) return chance.within(20, 12_000)
    return chance.happens(0.1) ? chance.within(5, 100) : chance.within(0.2, 3)
  }

  loses(): boolean {
    const { chance, nowMs } = this.scheduler
    return nowMs < this.closedUntilMs || chance.happens(this.networkFaults.lostShare)
  }
}

/** Shares of all requests and replies; they may change during a history. */
export interface NetworkFaults {
  /** Of those that take seconds. */
  lateShare: number
  /** Of those that never arrive. */
  lostShare: number
}

export interface Request<Result> {
  readonly label: string
  readonly timeoutMs: number
  /** Makes the client's error for a request without an answer. */
  readonly timeoutError: () => Error
  /** Runs in the server, which may reply later. */
  readonly serve: (reply: Reply<Result>) => void
}

/** Sends a request. Resolves or rejects with the reply; rejects with its own error at the timeout. */
export function send<Result>(
  process: Process,
  link: Link,
  { label, timeoutMs, timeoutError, serve }: Request<Result>,
): Promise<Result> {
  const { scheduler } = process
  return new Promise((resolve, reject) => {
    let isOpen = true
    const timeout = process.after(timeoutMs, `times out: ${label}`, () => {
      isOpen = false
      reject(timeoutError())
    })
    const receive = (outcome: Outcome<Result>) => {
      if (!isOpen) return
      isOpen = false
      timeout.isCancelled = true
      if ('error' in outcome) reject(outcome.error)
      else resolve(outcome.value)
    }
    if (link.loses()) return scheduler.trace(`lost: ${process.name} ${label}`)
    scheduler.after(link.latencyMs(), `${process.name} > ${label}`, () => {
      serve((outcome) => {
        if (link.loses()) return scheduler.trace(`lost: the reply to ${process.name} ${label}`)
        const what = 'error' in outcome ? outcome.error.message : 'ok'
        process.after(link.latencyMs(), `< ${label}: ${what}`, () => receive(outcome))
      })
    })
  })
}
