/**
 * Records as difficult as real ones, the same for the same seed: a few hot groups and many cold
 * ones, late and repeated events, equal clocks, removed traits, members who leave, erasures,
 * events of other types, and 2 % invalid records.
 */
import { randomFrom } from '../random.ts'

export interface OutgoingRecord {
  readonly key: string | null
  readonly value: string | Buffer | null
  readonly headers: Readonly<Record<string, string>>
}

/** Header with a number that is unique to the record, which distinguishes records that are equal otherwise. */
export const NUMBER_HEADER = 'number'

const GROUPS = 300
const USERS = 150
const FIRST_EVENT_MS = Date.UTC(2025, 0, 1)
/** How many consecutive events share a clock, unless one is late. */
const EVENTS_PER_TICK = 4
const TICK_MS = 10
const LATE_MS = 60_000
/** Repeated records are picked from this many of the latest records. */
const REMEMBERED = 500

/** Returns a generator of records; each call gives the next one. */
export function createRecords(seed: number): () => OutgoingRecord {
  const random = randomFrom(seed)
  const sent: OutgoingRecord[] = []
  let number = 0
  return () => {
    const repeated = random() < 0.1 ? sent[Math.floor(random() * sent.length)] : undefined
    const record = repeated ?? makeRecord(random, number)
    sent[number % REMEMBERED] = record
    return { ...record, headers: { ...record.headers, [NUMBER_HEADER]: String(number++) } }
  }
}

function makeRecord(random: () => number, number: number): OutgoingRecord {
  const group = Math.floor(GROUPS * random() ** 3)
  const isLate = random() < 0.15
  const tickMs = FIRST_EVENT_MS + Math.floor(number / EVENTS_PER_TICK) * TICK_MS
  const timeMs = tickMs - (isLate ? Math.floor((random() * LATE_MS) / TICK_MS) * TICK_MS : 0)
  const groupId = `group ${group}`
  const key = random() < 0.5 ? groupId : null
  const event = eventOf(groupId, new Date(timeMs).toISOString(), number, random)
  const kind = random()
  if (kind < 0.02) return { key, headers: {}, ...invalidated(event, number) }
  if (kind < 0.03) return erasureOf(groupId, timeMs)
  if (kind < 0.06) return { key, headers: {}, value: JSON.stringify({ ...event, type: 'track' }) }
  return { key, headers: {}, value: JSON.stringify(event) }
}

interface Event {
  readonly user_id: string
  readonly group_id: string
  readonly traits: Readonly<Record<string, unknown>>
  readonly timestamp: string
  readonly assigned?: false
}

function eventOf(groupId: string, timestamp: string, number: number, random: () => number): Event {
  const pick = <Item>(...items: Item[]) => items[Math.floor(random() * items.length)]
  const traits: Record<string, unknown> = {
    [`trait ${Math.floor(random() * 8)}`]: pick<unknown>(null, `v${number}`, number, { number }),
    plan: pick('free', 'team', 'enterprise', null),
    employees: Math.floor(random() * 5000),
  }
  if (random() < 0.2) traits.address = { city: `city ${number % 7}`, postalCode: number }
  return {
    user_id: `user ${Math.floor(random() * USERS)}`,
    group_id: groupId,
    traits,
    timestamp,
    ...(random() < 0.2 && { assigned: false }),
  }
}

/** An erasure as of half a second earlier, so that it erases only a part of the group. */
function erasureOf(groupId: string, timeMs: number): OutgoingRecord {
  const asOf = new Date(timeMs - 500).toISOString()
  return { key: groupId, value: null, headers: { 'group-traits.erase': asOf } }
}

/** Makes the event invalid, each time in the next of several ways. */
function invalidated(event: Event, number: number): Pick<OutgoingRecord, 'value'> {
  const { group_id: groupId, ...groupless } = event
  const ways = [
    JSON.stringify(event).slice(0, -15),
    JSON.stringify(groupless),
    JSON.stringify({ ...event, timestamp: `yesterday at ${number}` }),
    JSON.stringify({ ...event, timestamp: '2100-01-01T00:00:00Z' }),
    JSON.stringify({ ...event, traits: { ...event.traits, email: [groupId, number] } }),
    Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(JSON.stringify(event))]),
    '',
    null,
  ] as const
  return { value: ways[number % ways.length] ?? null }
}
