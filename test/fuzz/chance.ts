import { Chance } from '../setup/chance.ts'
import { randomFrom } from '../setup/random.ts'

/** The randomness of one input: its draws depend only on the seed and the index. */
export function chanceAt(seed: number, index: number): Chance {
  return new Chance(randomFrom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)))
}
