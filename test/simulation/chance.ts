/** Seeded randomness: the same seed gives the same draws in the same order. */
import { randomFrom } from '../bench/generator.ts'

export class Chance {
  /** From 0 to below 1. */
  readonly random: () => number

  constructor(seed: number) {
    this.random = randomFrom(Math.imul(seed, 0x9e3779b1) ^ 0x85ebca6b)
  }

  /** From 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  /** From `least` to `most`, both included. */
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
  happens(share: number): boolean {
    return this.random() < share
  }
}
