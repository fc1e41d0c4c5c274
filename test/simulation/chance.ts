import { Chance } from '../setup/chance.ts'
import { randomFrom } from '../setup/random.ts'

/** The randomness of one history: all its draws depend on the seed. */
export function chanceOf(seed: number): Chance {
  return new Chance(randomFrom(Math.imul(seed, 0x9e3779b1) ^ 0x85ebca6b))
}
