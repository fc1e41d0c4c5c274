/**
 * Owns virtual time and the order of all events. Events wait in a heap and run one at a time, the
 * earliest first. All promise callbacks that one event causes run before the next event.
 */
import type { Chance } from '../setup/chance.ts'

/** An event that is scheduled. */
export interface Timer {
  readonly dueMs: number
  /** Random; decides the order of events that are due at the same time. */
  readonly tieBreaker: number
  readonly label: string
  readonly run: () => void
  isCancelled: boolean
}

export class Scheduler {
  readonly chance: Chance
  /** Milliseconds since the history began. */
  nowMs = 0
  /** How many events have run. */
  steps = 0
  /** A hash of the trace so far. */
  traceHash = 0x811c9dc5
  private readonly onTrace: ((line: string) => void) | undefined
  private readonly heap: Timer[] = []

  /** @param onTrace called with each line of the trace */
  constructor(chance: Chance, onTrace?: (line: string) => void) {
    this.chance = chance
    this.onTrace = onTrace
  }

  /** Schedules `run`; set the timer's `isCancelled` to cancel it. */
  after(delayMs: number, label: string, run: () => void): Timer {
    const dueMs = this.nowMs + delayMs
    const timer = { dueMs, tieBreaker: this.chance.random(), label, run, isCancelled: false }
    push(this.heap, timer)
    return timer
  }

  /** Runs events until `isOver` returns true; returns false if events or steps run out before. */
  async runUntil(isOver: () => boolean, maxSteps: number): Promise<boolean> {
    await drainMicrotasks()
    while (!isOver()) {
      const next = pop(this.heap)
      if (next === undefined || this.steps >= maxSteps) return false
      if (next.isCancelled) continue
      this.nowMs = Math.max(this.nowMs, next.dueMs)
      this.steps++
      this.trace(next.label)
      next.run()
      await drainMicrotasks()
    }
    return true
  }

  /** Adds a line to the trace. */
  trace(what: string): void {
    let hash = this.traceHash ^ Math.round(this.nowMs * 1000)
    for (let i = 0; i < what.length; i++) hash = Math.imul(hash ^ what.charCodeAt(i), 0x01000193)
    this.traceHash = hash >>> 0
    this.onTrace?.(`${(this.nowMs / 1000).toFixed(4).padStart(10)}  ${what}`)
  }
}

/** An immediate runs after all microtasks, including those that microtasks add. */
function drainMicrotasks(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.tieBreaker < b.tieBreaker)
}

function push(heap: Timer[], timer: Timer): void {
  let at = heap.length
  while (at > 0) {
    const parentAt = (at - 1) >> 1
    const parent = heap[parentAt] as Timer
    if (!isBefore(timer, parent)) break
    heap[at] = parent
    at = parentAt
  }
  heap[at] = timer
}

function pop(heap: Timer[]): Timer | undefined {
  const first = heap[0]
  const last = heap.pop()
  if (first === undefined || last === undefined || heap.length === 0) return first
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    const right = child + 1
    if (right < heap.length && isBefore(heap[right] as Timer, heap[child] as Timer)) {
      child = right
    }
    if (!isBefore(heap[child] as Timer, last)) break
    heap[at] = heap[child] as Timer
    at = child
  }
  heap[at] = last
  return first
}
