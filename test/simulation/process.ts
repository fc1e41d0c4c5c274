/**
 * A worker's process: all that wakes its code comes through here, so that it can be killed at
 * any await (nothing of it runs again), or frozen (it goes on later, as if nothing had been).
 */
import type { Pending, Scheduler } from './scheduler.ts'

export class Process {
  readonly name: string
  readonly scheduler: Scheduler
  isAlive = true
  private frozenUntilMs = 0

  constructor(name: string, scheduler: Scheduler) {
    this.name = name
    this.scheduler = scheduler
  }

  kill(): void {
    this.isAlive = false
  }

  freeze(ms: number): void {
    this.frozenUntilMs = this.scheduler.nowMs + ms
  }

  /** Has its code run so much later: after the thaw where it is frozen, never once it is dead. */
  after(delayMs: number, label: string, run: () => void): Pending {
    const pending = this.scheduler.after(delayMs, `${this.name} ${label}`, () => {
      if (!this.isAlive || pending.isCancelled) return
      const stillMs = this.frozenUntilMs - this.scheduler.nowMs
      if (stillMs <= 0) {
        run()
        return
      }
      this.after(stillMs, `${label} (thawed)`, () => {
        if (!pending.isCancelled) run()
      })
    })
    return pending
  }

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const end = () => {
        timer.isCancelled = true
        reject(signal?.reason)
      }
      const timer = this.after(ms, 'wakes', () => {
        signal?.removeEventListener('abort', end)
        resolve()
      })
      signal?.addEventListener('abort', end, { once: true })
    })

  /**
   * Calls `start`, whose `setInterval` is one of this process and of virtual time: for the code
   * that takes no clock as an argument.
   */
  withIntervals<Result>(start: () => Result): Result {
    const { setInterval } = globalThis
    globalThis.setInterval = ((tick: () => void, ms: number) => {
      const again = () => {
        tick()
        this.after(ms, 'ticks', again)
      }
      this.after(ms, 'ticks', again)
      return { unref: () => {} }
    }) as typeof globalThis.setInterval
    try {
      return start()
    } finally {
      globalThis.setInterval = setInterval
    }
  }
}
