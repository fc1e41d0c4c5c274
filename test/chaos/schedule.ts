import type { Fault } from './faults.ts'

/** What happens next: one fault, or two at once. */
export interface Step {
  /** Seconds of peace before it. */
  readonly pauseSeconds: number
  readonly faults: readonly { readonly fault: Fault; readonly seconds: number }[]
}

const SHARE_OF_TWO = 0.25

/** An endless sequence, the same for the same randomness, in which every kind gets its turn. */
export function* scheduleFaults(
  faults: readonly Fault[],
  random: () => number,
): Generator<Step, never> {
  let bag: Fault[] = []
  const draw = (suits: (fault: Fault) => boolean): Fault => {
    if (!bag.some(suits)) bag = [...bag, ...shuffle(faults, random)]
    const [fault] = bag.splice(bag.findIndex(suits), 1)
    return fault as Fault
  }
  const during = (fault: Fault) => {
    const [least, most] = fault.lasts
    return { fault, seconds: least + random() * (most - least) }
  }
  for (;;) {
    const first = draw(() => true)
    const isPair = random() < SHARE_OF_TWO
    const second = isPair ? [draw(({ target }) => target !== first.target)] : []
    yield { pauseSeconds: 0.5 + 2 * random(), faults: [first, ...second].map(during) }
  }
}

function shuffle<Item>(items: readonly Item[], random: () => number): Item[] {
  return items
    .map((item) => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item)
}
