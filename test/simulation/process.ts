/**
 * Models the process of a worker. Every timer and every reply that continues its code goes through
 * `after`. So the process can be killed at any await (its code never runs again), or frozen (its
 * code continues later).
 */
import type { Scheduler, Timer } from './scheduler.ts'

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

  /** Schedules `run`. If the process is frozen by then, it runs after the thaw; if killed, never. */
  after(delayMs: number, label: string, run: () => void): Timer {
    const timer = this.scheduler.after(delayMs, `${this.name} ${label}`, () => {
      if (!this.isAlive || timer.isCancelled) return
      const frozenMs = this.frozenUntilMs - this.scheduler.nowMs
      if (frozenMs <= 0) {
        run()
        return
      }
      this.after(frozenMs, `${label} (thawed)`, () => {
        if (!timer.isCancelled) run()
      })
    })
    return timer
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
   * Calls `start` with a global `setInterval` that uses this process and virtual time. Needed for
   * code that does not take its timers as an argument.
   */
  withIntervals<Result>(start: () => Result): Result {
    const { setInterval } = globalThis
    globalThis.setInterval = ((tick: () => void, ms: number) => {
      const run = () => {
        tick()
        this.after(ms, 'ticks', run)
      }
      this.after(ms, 'ticks', run)
      return { unref: () => {} }
    }) as typeof globalThis.setInterval
    try {
      return start()
    } finally {
      globalThis.setInterval = setInterval
    }
  }
}
