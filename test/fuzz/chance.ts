import { randomFrom } from '../bench/generator.ts'

/** Seeded randomness: the draws depend only on the seed and the index of the input. */
export interface Chance {
  /** From 0 to `limit` - 1. */
  below(limit: number): number
  pick<Item>(items: readonly Item[]): Item
  oneIn(count: number): boolean
}

export function chanceAt(seed: number, index: number): Chance {
  const random = randomFrom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b))
  const below = (limit: number) => Math.floor(random() * limit)
  return {
    below,
    pick: <Item>(items: readonly Item[]) => items[below(items.length)] as Item,
    oneIn: (count) => below(count) === 0,
  }
}
