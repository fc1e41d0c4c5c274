/**
 * Records to publish, each with its expected outcome. There are few groups, users, traits and
 * clocks, so that events collide often.
 */
import type { Erasure, GroupEvent } from '../../src/domain/event/event.ts'
import { JsonText, type StoredValue } from '../../src/domain/json/stored-value.ts'
import type { Reason } from '../../src/domain/problem.ts'
import type { KafkaRecord } from '../../src/domain/record.ts'
import type { Chance } from '../setup/chance.ts'
import { eventTraits } from '../setup/domain/event-traits.ts'

export type Event = GroupEvent | Erasure

export interface PlannedRecord {
  readonly name: string
  readonly content: Omit<KafkaRecord, 'offset'>
  readonly expected: Event | Rejection | { readonly kind: 'ignored' }
}

interface Rejection {
  readonly kind: 'rejected'
  readonly reason: Reason
}

/** When the simulation begins, in milliseconds since 1970. */
export const EPOCH_MS = 1_700_000_000_000
const EPOCH_US = EPOCH_MS * 1000

export const GROUP_IDS = ['acme', 'globex', 'initech', 'umbrella'] as const
const USER_IDS = ['ann', 'bob', 'eve'] as const
const TRAITS = ['name', 'plan', 'seats'] as const
const VALUES: readonly (string | null)[] = ['"x"', '"y"', '"yy"', '7', '"7"', null]

export function planRecord(
  chance: Chance,
  index: number,
  earlier: readonly PlannedRecord[],
): PlannedRecord {
  const name = `r${index}`
  const draw = chance.random()
  if (draw < 0.08 && earlier.length > 0) return { ...chance.pick(earlier), name }
  if (draw < 0.16) return rejected(chance, name)
  if (draw < 0.18)
    return { name, content: content('{"type":"track"}'), expected: { kind: 'ignored' } }
  if (draw < 0.23) return erasure(chance, name)
  return groupEvent(chance, name)
}

function groupEvent(chance: Chance, name: string): PlannedRecord {
  const groupId = chance.pick(GROUP_IDS)
  const userId = chance.pick(USER_IDS)
  const assigned = chance.happens(0.7)
  const clock = clockAt(chance)
  const members = new Map<string, string | null>()
  for (let count = chance.below(4); count > 0; count--) {
    members.set(chance.pick(TRAITS), chance.pick(VALUES))
  }
  const traits = Array.from(members, ([trait, text]) => `"${trait}":${text ?? 'null'}`).join()
  const json =
    `{"group_id":"${groupId}","user_id":"${userId}","traits":{${traits}},` +
    `"timestamp":${clock},"assigned":${assigned}}`
  const stored = eventTraits(
    Array.from(members, ([trait, text]) => [trait, storedValue(trait, text)]),
  )
  const expected = { kind: 'group', groupId, userId, assigned, clock, traits: stored } as const
  return { name, content: content(json, groupId), expected }
}

/** The event contract makes `plan` a string: a number is stored as its text. */
function storedValue(trait: string, text: string | null): StoredValue | null {
  if (text === null) return null
  if (text.startsWith('"')) return text.slice(1, -1)
  return trait === 'plan' ? text : new JsonText(text)
}

function rejected(chance: Chance, name: string): PlannedRecord {
  const [reason, text] = chance.pick([
    ['not_json', '{"group_id":'],
    ['empty_value', ''],
    ['missing_field', `{"user_id":"ann","traits":{},"timestamp":${EPOCH_US}}`],
    ['invalid_field', `{"group_id":["acme"],"user_id":"ann","traits":{},"timestamp":${EPOCH_US}}`],
  ] as const)
  return { name, content: content(text), expected: { kind: 'rejected', reason } }
}

function erasure(chance: Chance, name: string): PlannedRecord {
  const groupId = chance.pick(GROUP_IDS)
  const clock = clockAt(chance)
  const headers = { 'group-traits.erase': Buffer.from(String(clock)) }
  const erasing = { ...content('', groupId), value: null, headers }
  return { name, content: erasing, expected: { kind: 'erasure', groupId, clock } }
}

function content(json: string, key?: string): PlannedRecord['content'] {
  return {
    timestamp: String(EPOCH_MS),
    key: key === undefined ? null : Buffer.from(key),
    value: Buffer.from(json),
  }
}

function clockAt(chance: Chance): number {
  return EPOCH_US + chance.below(8)
}
