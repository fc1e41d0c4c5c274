/**
 * Events like those of a business with many small customers and a few busy ones, the same for
 * the same seed: some 370 bytes, 7 traits, the number of the group floor(50,000 u³) for u
 * uniform, one in 200 not valid.
 */

export interface GeneratedEvent {
  /** Of the record, and of the event where it is valid. */
  readonly groupId: string
  readonly value: string
  readonly valid: boolean
}

const GROUPS = 50_000
const USERS = 200_000
const INVALID_SHARE = 0.005
const FIRST_EVENT_MS = Date.UTC(2025, 0, 1)
/** How far events of the same moment lie apart in the topic. */
const DISORDER_MS = 5000

const PLANS = ['free', 'starter', 'team', 'business', 'enterprise']
const INDUSTRIES = ['retail', 'logistics', 'health care', 'software', 'education', 'energy']

export function* generateEvents(count: number, seed: number): Generator<GeneratedEvent> {
  const random = randomFrom(seed)
  for (let index = 0; index < count; index++) {
    const group = Math.floor(GROUPS * random() ** 3)
    const groupId = `group-${group}`
    const timestampMs = FIRST_EVENT_MS + index + Math.floor(random() * DISORDER_MS)
    const event = eventOf(groupId, group, timestampMs, random)
    const valid = random() >= INVALID_SHARE
    yield { groupId, value: valid ? event : invalidated(event, index), valid }
  }
}

/** How many groups the valid events are about. */
export function countGroups(events: Iterable<GeneratedEvent>): number {
  const groups = new Set<string>()
  for (const { groupId, valid } of events) if (valid) groups.add(groupId)
  return groups.size
}

export function eventOf(
  groupId: string,
  group: number,
  timestampMs: number,
  random: () => number,
): string {
  const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)]
  return JSON.stringify({
    user_id: `user-${Math.floor(random() * USERS)}`,
    group_id: groupId,
    traits: {
      name: `Customer number ${group} of the whole wide world`,
      industry: pick(INDUSTRIES),
      plan: pick(PLANS),
      employees: Math.floor(random() * 5000),
      website: `https://customer-${group}.example/about/us`,
      email: `office@customer-${group}.example`,
      address: { city: 'Springfield', country: 'US', postal_code: String(10_000 + group) },
    },
    timestamp: new Date(timestampMs).toISOString(),
  })
}

/** The ways in which events go wrong, by turns. */
function invalidated(event: string, index: number): string {
  switch (index % 3) {
    case 0:
      return event.slice(0, -20)
    case 1:
      return event.replace('"group_id"', '"group"')
    default:
      return event.replace(/"timestamp":"[^"]*"/, '"timestamp":"yesterday"')
  }
}

/** Mulberry32: small, fast, and even enough for this. */
export function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
