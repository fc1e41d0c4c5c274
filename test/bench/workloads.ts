/** The workloads: which groups and traits the events of a topic have. */

import { randomFrom } from '../setup/random.ts'
import type { Workload } from './generator.ts'

const DAY_MS = 86_400_000

/**
 * Events of a business with many small customers and a few busy ones: some 370 bytes, 7 traits,
 * 50,000 groups; one event in 200 is invalid.
 */
export const USUAL: Workload = {
  name: 'usual',
  groups: 50_000,
  skew: 3,
  invalidShare: 0.005,
  firstEventMs: Date.UTC(2025, 0, 1),
  traitsOf: usualTraits,
  weight: 1,
}

/** The usual events, each with a timestamp a month earlier. */
export const EARLIER: Workload = {
  ...USUAL,
  name: 'earlier',
  firstEventMs: USUAL.firstEventMs - 30 * DAY_MS,
}

/** The usual events with equally likely groups. */
export function uniform(groups: number): Workload {
  return { ...USUAL, name: `uniform-${groups}`, groups, skew: 1 }
}

export const HOT: Workload = { ...uniform(1), name: 'hot' }
export const INVALID: Workload = { ...USUAL, name: 'invalid', invalidShare: 1 }

const MANY_TRAITS = 50
export const PARTIAL: Workload = {
  ...USUAL,
  name: 'partial',
  traitsOf: (_, random) => ({
    [`trait_${Math.floor(random() * MANY_TRAITS)}`]: `one of many values: ${random()}`,
  }),
}

const VERY_MANY_TRAITS = 500
export const WIDE: Workload = {
  ...USUAL,
  name: 'wide',
  traitsOf: (_, random) =>
    Object.fromEntries(
      Array.from({ length: VERY_MANY_TRAITS }, (_, trait) => [
        `trait_${trait}`,
        `value ${Math.floor(random() * 1e9)}`,
      ]),
    ),
  weight: 40,
}

const LARGE_VALUE_BYTES = 10 * 1024
export const LARGE: Workload = {
  ...USUAL,
  name: 'large',
  traitsOf: (group, random) => ({
    ...usualTraits(group, random),
    description: longText(random),
  }),
  weight: 28,
}

const PLANS = ['free', 'starter', 'team', 'business', 'enterprise']
const INDUSTRIES = ['retail', 'logistics', 'health care', 'software', 'education', 'energy']

function usualTraits(group: number, random: () => number): Readonly<Record<string, unknown>> {
  const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)]
  return {
    name: `Customer number ${group} of the whole wide world`,
    industry: pick(INDUSTRIES),
    plan: pick(PLANS),
    employees: Math.floor(random() * 5000),
    website: `https://customer-${group}.example/about/us`,
    email: `office@customer-${group}.example`,
    address: { city: 'Springfield', country: 'US', postal_code: String(10_000 + group) },
  }
}

let randomText = ''

/** Returns a random slice of a long random text, which is generated at the first use. */
function longText(random: () => number): string {
  if (randomText === '') {
    const next = randomFrom(1)
    while (randomText.length < 20 * LARGE_VALUE_BYTES) {
      randomText += `${next().toString(36).slice(2)} `
    }
  }
  const from = Math.floor(random() * (randomText.length - LARGE_VALUE_BYTES))
  return randomText.slice(from, from + LARGE_VALUE_BYTES)
}
