/**
 * Owns time and the order of everything: what is to happen waits here, with the moment that
 * chance gave it, and happens one at a time. All that an event makes run without waiting for
 * another has run before the next one.
 */
import type { Chance } from './chance.ts'

/** Something that is to happen. */
export interface Pending {
  readonly dueMs: number
  /** Decides between what is due at the same moment. */
  readonly tie: number
  readonly label: string
  readonly happen: () => void
  isCancelled: boolean
}

export class Scheduler {
  readonly chance: Chance
  /** Milliseconds since the history began. */
  nowMs = 0
  /** How many events there were. */
  steps = 0
  /** Of all that happened, in order. */
  traceHash = 0x811c9dc5
  private readonly tell: ((line: string) => void) | undefined
  private readonly heap: Pending[] = []

  /** @param tell told of each event, line by line */
  constructor(chance: Chance, tell?: (line: string) => void) {
    this.chance = chance
    this.tell = tell
  }

  after(delayMs: number, label: string, happen: () => void): Pending {
    const dueMs = this.nowMs + delayMs
    const pending = { dueMs, tie: this.chance.random(), label, happen, isCancelled: false }
    push(this.heap, pending)
    return pending
  }

  /** Lets things happen until `isOver`, asked after each; returns whether that came about. */
  async runUntil(isOver: () => boolean, maxSteps: number): Promise<boolean> {
    await drainMicrotasks()
    while (!isOver()) {
      const next = pop(this.heap)
      if (next === undefined || this.steps >= maxSteps) return false
      if (next.isCancelled) continue
      this.nowMs = Math.max(this.nowMs, next.dueMs)
      this.steps++
      this.note(next.label)
      next.happen()
      await drainMicrotasks()
    }
    return true
  }

  /** Makes it part of the trace. */
  note(what: string): void {
    let hash = this.traceHash ^ Math.round(this.nowMs * 1000)
    for (let i = 0; i < what.length; i++) hash = Math.imul(hash ^ what.charCodeAt(i), 0x01000193)
    this.traceHash = hash >>> 0
    this.tell?.(`${(this.nowMs / 1000).toFixed(4).padStart(10)}  ${what}`)
  }
}

/** An immediate comes after all microtasks, also those that microtasks make. */
function drainMicrotasks(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

function isBefore(a: Pending, b: Pending): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.tie < b.tie)
}

function push(heap: Pending[], pending: Pending): void {
  let at = heap.length
  while (at > 0) {
    const parentAt = (at - 1) >> 1
    const parent = heap[parentAt] as Pending
    if (!isBefore(pending, parent)) break
    heap[at] = parent
    at = parentAt
  }
  heap[at] = pending
}

function pop(heap: Pending[]): Pending | undefined {
  const first = heap[0]
  const last = heap.pop()
  if (first === undefined || last === undefined || heap.length === 0) return first
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    const right = child + 1
    if (right < heap.length && isBefore(heap[right] as Pending, heap[child] as Pending)) {
      child = right
    }
    if (!isBefore(heap[child] as Pending, last)) break
    heap[at] = heap[child] as Pending
    at = child
  }
  heap[at] = last
  return first
}
