/** Draws from random numbers. With a seeded source, the same seed gives the same draws in order. */
export class Chance {
  /** From 0 to below 1. */
  readonly random: () => number

  constructor(random: () => number) {
    this.random = random
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  /** An integer from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1)
  }

  /** Any number from `least` to below `most`, fractions included. */
  within(least: number, most: number): number {
    return least + this.random() * (most - least)
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item
  }

  /** True with this probability. */
  happens(probability: number): boolean {
    return this.random() < probability
  }

  /** True once in `count` draws, on average. */
  oneIn(count: number): boolean {
    return this.below(count) === 0
  }
}
