/** Runs one history, from its seed to its verdict. */
import { calm, INFLICT } from './faults.ts'
import { type FaultKind, type Plan, planHistory } from './history.ts'
import { World } from './world.ts'

export interface Verdict {
  readonly seed: number
  /** What was wrong; undefined: nothing. */
  readonly violation: string | undefined
  readonly steps: number
  readonly faults: readonly FaultKind[]
  /** Of all that happened, in order. */
  readonly traceHash: number
}

const MOST_STEPS = 60_000
/** What is late comes within that time. */
const SETTLING_MS = 15_000
/** Longer than from one look at the checkpoints to the next. */
const REST_MS = 13_000
const PATIENCE_MS = 300_000

/** @param tell told of each event, line by line */
export async function simulate(seed: number, tell?: (line: string) => void): Promise<Verdict> {
  const plan = planHistory(seed)
  const world = new World(plan, tell)
  const { scheduler, oracle } = world
  schedule(plan, world)
  let isOver = false
  watchForRest(world, plan.faultsEndMs + SETTLING_MS, () => {
    isOver = true
  })
  const over = () => isOver || oracle.violation !== undefined
  if (!(await scheduler.runUntil(over, MOST_STEPS))) oracle.fail('it does not come to rest')
  if (oracle.violation === undefined) oracle.judge()
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
    scheduler.after(atMs, `FAULT: ${kind}`, () => INFLICT[kind](world))
  }
  scheduler.after(faultsEndMs, 'the faults end', () => calm(world))
}

function watchForRest(world: World, fromMs: number, atRest: () => void): void {
  const { scheduler, oracle } = world
  let sinceMs: number | undefined
  const look = () => {
    world.startAll() // who was told to stop may have ended only now
    if (!world.isAtRest()) sinceMs = undefined
    else sinceMs ??= scheduler.nowMs
    if (sinceMs !== undefined && scheduler.nowMs - sinceMs >= REST_MS) return atRest()
    if (scheduler.nowMs > fromMs + PATIENCE_MS) oracle.fail('it does not come to rest')
    scheduler.after(1000, 'is it at rest?', look)
  }
  scheduler.after(fromMs, 'is it at rest?', look)
}
