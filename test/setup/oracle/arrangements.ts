/**
 * Arbitrary events, and arbitrary orders and batches in which they arrive. There are few groups,
 * users, traits and clocks, so that events collide often.
 */
import fc from 'fast-check'
import type { Erasure, GroupEvent } from '../../../src/domain/event/event.ts'
import { JsonText } from '../../../src/domain/json/stored-value.ts'
import { eventTraits } from '../domain/event-traits.ts'

export type Event = GroupEvent | Erasure

export const GROUP_IDS = ['account123', '} {%\u0001é', '__proto__'] as const
export const USER_IDS = ['user123', '{u}%\u0085', 'constructor', '😀'] as const

const CLOCKS = [0, 1, 2, 3, 999_999, 1606170535111000, 1606170535111001, Number.MAX_SAFE_INTEGER]
const NAMES = ['name', 'plan', '__proto__', 'toString', 'ï', '😀', 'a\u0000b']
/** For ties at equal clocks: JSON and strings of the same text; U+FFFD, U+E000 and emoji. */
const TEXTS = ['', ' ', 'a', 'a\u0000', 'ab', 'Z', 'ä', '\uE000', '\uFFFD', '😀', '\u{10FFFF}']
const JSON_TEXTS = ['1', '-1.5', 'true', '[]', '{"a":1}', '{"a":"😀"}', '{"a":"\uFFFD"}']

const values = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...TEXTS, ...JSON_TEXTS) },
  { weight: 2, arbitrary: fc.constantFrom(...JSON_TEXTS).map((text) => new JsonText(text)) },
  { weight: 1, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40 }) },
)

const groupEvents: fc.Arbitrary<GroupEvent> = fc.record({
  kind: fc.constant('group'),
  groupId: fc.constantFrom(...GROUP_IDS),
  userId: fc.constantFrom(null, ...USER_IDS),
  assigned: fc.boolean(),
  clock: fc.constantFrom(...CLOCKS),
  traits: fc.array(fc.tuple(fc.constantFrom(...NAMES), values), { maxLength: 5 }).map(eventTraits),
})

const erasures: fc.Arbitrary<Erasure> = fc.record({
  kind: fc.constant('erasure'),
  groupId: fc.constantFrom(...GROUP_IDS),
  clock: fc.constantFrom(...CLOCKS.slice(0, -1)),
})

export const events: fc.Arbitrary<Event[]> = fc.array(
  fc.oneof({ weight: 9, arbitrary: groupEvents }, { weight: 1, arbitrary: erasures }),
  { maxLength: 25 },
)

/** The events in any order. */
export function shuffled(all: readonly Event[]): fc.Arbitrary<Event[]> {
  return fc.shuffledSubarray([...all], { minLength: all.length })
}

/** The events in the given order, cut into batches at arbitrary positions. */
export function cut(all: readonly Event[]): fc.Arbitrary<Event[][]> {
  return fc.array(fc.nat({ max: all.length }), { maxLength: 6 }).map((cuts) => {
    const bounds = [0, ...cuts.sort((a, b) => a - b), all.length]
    return bounds.slice(1).map((end, i) => all.slice(bounds[i], end))
  })
}

/** The events in any order, in any batches, some of them repeated. */
export function delivered(all: readonly Event[]): fc.Arbitrary<Event[][]> {
  return fc.subarray([...all]).chain((repeated) => shuffled([...all, ...repeated]).chain(cut))
}
