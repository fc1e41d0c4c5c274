/**
 * Simulates one history, from its seed to its verdict: workers, Kafka and Redis in one thread and
 * in virtual time. A history has three phases:
 *
 *     faults    records are published and faults happen, as the plan says
 *     recovery  the faults have ended; the workers catch up until they are idle
 *     end       the workers stay idle for a while, then the oracle checks the final state
 *
 * The oracle also checks every checkpoint and every commit, in all phases.
 */
import { endFaults, FAULT_ACTIONS } from './faults.ts'
import { type FaultKind, type Plan, planHistory } from './history-plan.ts'
import { World } from './world.ts'

export interface Verdict {
  readonly seed: number
  /** The first violation; undefined: none. */
  readonly violation: string | undefined
  readonly steps: number
  readonly faults: readonly FaultKind[]
  /** A hash of the trace: the same for the same events in the same order. */
  readonly traceHash: number
}

const MAX_STEPS = 60_000
/** Every late request or reply has arrived after this time. */
const SETTLING_MS = 15_000
/** Longer than the interval between two checks of the checkpoints. */
const IDLE_MS = 13_000
const RECOVERY_TIMEOUT_MS = 300_000
const TOO_LONG = 'the workers do not become idle'

/** @param onTrace called with each line of the trace */
export async function simulate(seed: number, onTrace?: (line: string) => void): Promise<Verdict> {
  const plan = planHistory(seed)
  const world = new World(plan, onTrace)
  const { scheduler, oracle } = world
  schedule(plan, world)
  let isOver = false
  watchForIdle(world, plan.faultsEndMs + SETTLING_MS, () => {
    isOver = true
  })
  const over = () => isOver || oracle.violation !== undefined
  if (!(await scheduler.runUntil(over, MAX_STEPS))) oracle.fail(TOO_LONG)
  if (oracle.violation === undefined) oracle.checkEndState()
  const { steps, traceHash } = scheduler
  return {
    seed,
    violation: oracle.violation,
    steps,
    faults: plan.faults.map(({ kind }) => kind),
    traceHash,
  }
}

function schedule({ publications, faults, faultsEndMs }: Plan, world: World): void {
  const { scheduler } = world
  for (const atMs of publications) {
    scheduler.after(atMs, 'a record is published', () => world.publish())
  }
  for (const { atMs, kind } of faults) {
    scheduler.after(atMs, `FAULT: ${kind}`, () => FAULT_ACTIONS[kind](world))
  }
  scheduler.after(faultsEndMs, 'the faults end', () => endFaults(world))
}

/** Checks once a second, and calls `onIdle` when the workers have been idle for IDLE_MS. */
function watchForIdle(world: World, fromMs: number, onIdle: () => void): void {
  const { scheduler, oracle } = world
  let idleSinceMs: number | undefined
  const check = () => {
    world.startAll() // a worker that was asked to stop may have ended only now
    if (!world.isIdle()) idleSinceMs = undefined
    else idleSinceMs ??= scheduler.nowMs
    if (idleSinceMs !== undefined && scheduler.nowMs - idleSinceMs >= IDLE_MS) return onIdle()
    if (scheduler.nowMs > fromMs + RECOVERY_TIMEOUT_MS) oracle.fail(TOO_LONG)
    scheduler.after(1000, 'check whether the workers are idle', check)
  }
  scheduler.after(fromMs, 'check whether the workers are idle', check)
}
