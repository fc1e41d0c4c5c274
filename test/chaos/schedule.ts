import type { Fault } from './faults.ts'

/** One step of a schedule: one fault, or two at the same time. */
export interface Step {
  /** The time without faults before it. */
  readonly pauseSeconds: number
  readonly faults: readonly { readonly fault: Fault; readonly seconds: number }[]
}

const SHARE_OF_PAIRS = 0.25

/**
 * Generates an endless sequence of steps, the same for the same random numbers. Every kind of fault
 * is drawn once before any is drawn again, except where a pair needs another target.
 */
export function* scheduleFaults(
  faults: readonly Fault[],
  random: () => number,
): Generator<Step, never> {
  let remaining: Fault[] = []
  const draw = (isPossible: (fault: Fault) => boolean): Fault => {
    if (!remaining.some(isPossible)) remaining = [...remaining, ...shuffle(faults, random)]
    const [fault] = remaining.splice(remaining.findIndex(isPossible), 1)
    return fault as Fault
  }
  const withDuration = (fault: Fault) => {
    const [min, max] = fault.lasts
    return { fault, seconds: min + random() * (max - min) }
  }
  for (;;) {
    const first = draw(() => true)
    const isPair = random() < SHARE_OF_PAIRS
    const second = isPair ? [draw(({ target }) => target !== first.target)] : []
    yield { pauseSeconds: 0.5 + 2 * random(), faults: [first, ...second].map(withDuration) }
  }
}

function shuffle<Item>(items: readonly Item[], random: () => number): Item[] {
  return items
    .map((item) => ({ item, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item)
}
