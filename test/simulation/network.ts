/**
 * Requests and their replies, each on its own way: so what timed out may have been executed, or
 * will be, and an answer may never come.
 */
import type { Process } from './process.ts'
import type { Scheduler } from './scheduler.ts'

export type Outcome<Result> = { readonly value: Result } | { readonly error: Error }
export type Reply<Result> = (outcome: Outcome<Result>) => void

/** How it is on the way to a server. */
export class Way {
  /** Nothing gets through before. */
  closedUntilMs = 0
  private readonly scheduler: Scheduler
  private readonly weather: Weather

  constructor(scheduler: Scheduler, weather: Weather) {
    this.scheduler = scheduler
    this.weather = weather
  }

  latencyMs(): number {
    const { chance } = this.scheduler
    if (chance.happens(this.weather.lateShare)) return chance.within(20, 12_000)
    return chance.happens(0.1) ? chance.within(5, 100) : chance.within(0.2, 3)
  }

  loses(): boolean {
    const { chance, nowMs } = this.scheduler
    return nowMs < this.closedUntilMs || chance.happens(this.weather.lostShare)
  }
}

/** Shares of all that is sent; may change. */
export interface Weather {
  /** Of what takes seconds. */
  lateShare: number
  /** Of what never arrives. */
  lostShare: number
}

export interface Request<Result> {
  readonly label: string
  readonly timeoutMs: number
  /** What the client says where no answer came. */
  readonly lost: () => Error
  /** Done by the server; it may reply later. */
  readonly serve: (reply: Reply<Result>) => void
}

/** Sends a request, and resolves or rejects with the reply, or with its own error at the time-out. */
export function send<Result>(
  process: Process,
  way: Way,
  { label, timeoutMs, lost, serve }: Request<Result>,
): Promise<Result> {
  const { scheduler } = process
  return new Promise((resolve, reject) => {
    let isOpen = true
    const timeout = process.after(timeoutMs, `gives up: ${label}`, () => {
      isOpen = false
      reject(lost())
    })
    const receive = (outcome: Outcome<Result>) => {
      if (!isOpen) return
      isOpen = false
      timeout.isCancelled = true
      if ('error' in outcome) reject(outcome.error)
      else resolve(outcome.value)
    }
    if (way.loses()) return scheduler.note(`lost: ${process.name} ${label}`)
    scheduler.after(way.latencyMs(), `${process.name} > ${label}`, () => {
      serve((outcome) => {
        if (way.loses()) return scheduler.note(`lost: the reply to ${process.name} ${label}`)
        const what = 'error' in outcome ? outcome.error.message : 'ok'
        process.after(way.latencyMs(), `< ${label}: ${what}`, () => receive(outcome))
      })
    })
  })
}
