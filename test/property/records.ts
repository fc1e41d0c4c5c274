import fc from 'fast-check'
import { ERASE_HEADER } from '../../src/domain/event/erasure.ts'
import type { KafkaRecord } from '../../src/domain/record.ts'
import { anyText, jsonSource } from './documents.ts'

/** The text of an event with the given fields; all other fields are valid. */
export function eventText(fields: Readonly<Record<string, string>>): string {
  const all = { group_id: '"g"', user_id: '"u"', traits: '{}', timestamp: '0', ...fields }
  return `{${Object.entries(all).map(([name, text]) => `${JSON.stringify(name)}:${text}`)}}`
}

const eventOfAnything = fc
  .dictionary(
    fc.constantFrom('group_id', 'groupId', 'userId', 'traits', 'timestamp', 'context', 'assigned'),
    jsonSource,
    { maxKeys: 2 },
  )
  .map(eventText)

const eventOfAType = fc
  .oneof(fc.constantFrom('"group"', '"track"', 'null'), jsonSource)
  .map((type) => eventText({ type }))

const eventOfTraits = fc.dictionary(anyText, jsonSource).map((traits) => {
  const members = Object.entries(traits).map(([name, text]) => `${JSON.stringify(name)}:${text}`)
  return eventText({ traits: `{${members}}` })
})

const unclosed = fc
  .tuple(fc.constantFrom('[', '{"a":', '[{"a":'), fc.nat(20_000))
  .map(([open, count]) => `{"traits":${open.repeat(count)}`)

const deep = fc
  .integer({ min: 1, max: 5000 })
  .map((levels) => eventText({ traits: `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}` }))

const longNumber = fc
  .tuple(fc.constantFrom('9', '0.0', '1e9', '-1e-9'), fc.nat(5000))
  .map(([start, count]) => start + '9'.repeat(count))
  .map((number) => eventText({ traits: `{"a":${number}}`, timestamp: number }))

const text = fc.oneof(
  jsonSource,
  eventOfAnything,
  { weight: 3, arbitrary: eventOfAType },
  { weight: 3, arbitrary: eventOfTraits },
  unclosed,
  deep,
  longNumber,
)

/** The bytes of a text, with some of them changed. */
const changed = fc
  .tuple(text, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }))
  .map(([whole, edits]) => {
    const bytes = Buffer.from(whole)
    for (const [at, byte] of edits) bytes[at % bytes.length] = byte
    return bytes
  })

const bytes = fc.uint8Array({ maxLength: 64 }).map((of) => Buffer.from(of))

const header = fc.oneof(
  bytes,
  anyText,
  fc
    .date({ noInvalidDate: true, min: new Date(0), max: new Date(1e12) })
    .map((date) => date.toISOString()),
  fc.constant(null as unknown as string),
)

/** Any record that Kafka may deliver; many are valid events, or nearly so. */
export const anyRecord: fc.Arbitrary<KafkaRecord> = fc.record({
  offset: fc.constant('0'),
  value: fc.oneof(
    fc.constant(null),
    bytes,
    { weight: 3, arbitrary: text.map((whole) => Buffer.from(whole)) },
    changed,
  ),
  key: fc.oneof(
    fc.constant(null),
    bytes,
    fc.string({ minLength: 1 }).map((id) => Buffer.from(id)),
    anyText.map((id) => Buffer.from(id)),
  ),
  timestamp: fc.oneof(
    fc.integer().map(String),
    fc.constantFrom('-1', '', 'x', '9'.repeat(30), '1767225600000'),
  ),
  headers: fc.option(
    fc.dictionary(
      fc.constantFrom(ERASE_HEADER, 'x', '__proto__'),
      fc.oneof(header, fc.array(header)),
    ),
    { nil: undefined },
  ),
})
