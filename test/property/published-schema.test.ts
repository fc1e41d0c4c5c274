import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createDecoder } from '../../src/domain/event/decode.ts'
import { eventJsonSchema } from '../../src/domain/event/published-schema.ts'
import type { Reason } from '../../src/domain/problem.ts'
import { DEFAULT_RULES } from '../setup/domain/decode-rules.ts'

const NOW = Date.UTC(2026, 0, 1)
const decoder = createDecoder(DEFAULT_RULES)
const validate = new Ajv2020({ allowUnionTypes: true, strictTypes: false }).compile(
  eventJsonSchema(),
)

/** What a JSON Schema cannot express: that two fields agree, that a date exists, what time it is. */
const NOT_IN_SCHEMA: readonly Reason[] = [
  'conflicting_fields',
  'invalid_timestamp',
  'timestamp_too_early',
  'timestamp_in_future',
]

const text = fc.string({ maxLength: 5 })
const anything = fc.jsonValue({ maxDepth: 1 })
const mostly = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 12, arbitrary }, { weight: 1, arbitrary: anything })

const rarely = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })

const id = fc.oneof(
  { weight: 40, arbitrary: fc.constantFrom('a', 5, 'é') },
  { weight: 3, arbitrary: fc.constantFrom('', ' ', null, undefined) },
  { weight: 1, arbitrary: anything },
)
const named = mostly(
  fc.oneof(text, fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })),
)
const address = fc.dictionary(
  fc.constantFrom('city', 'postal_code', 'postalCode', 'zip', 'street'),
  named,
)
const traits = fc
  .tuple(
    fc.dictionary(fc.constantFrom('email', 'employees', 'plan', 'phone'), named),
    fc.dictionary(
      text.map((name) => `x${name}`),
      anything,
    ),
    fc.record({ address: mostly(address) }, { requiredKeys: [] }),
    fc.oneof({ weight: 15, arbitrary: fc.constant({}) }, fc.constant({ ' ': 1 })),
  )
  .map((all) => Object.assign({}, ...all) as object)

const time = fc.oneof(
  fc
    .date({ noInvalidDate: true, min: new Date(0), max: new Date(NOW) })
    .map((date) => date.toISOString()),
  fc.integer({ min: 0, max: 1_700_000_000 }),
  fc.constantFrom('2020-02-30', '1606170535', '20-11-23', '9999-12-31', '1969-12-31', -1),
)

/** Events, most of them as producers write them; undefined leaves a field out. */
const event = fc
  .record({
    group_id: id,
    groupId: rarely(id),
    user_id: id,
    userId: rarely(id),
    traits: mostly(fc.oneof({ weight: 9, arbitrary: traits }, fc.constantFrom(null, undefined))),
    context: rarely(fc.oneof(fc.constant({ a: 1 }), anything)),
    type: mostly(fc.constantFrom(undefined, 'group', 'group', null, 'track')),
    assigned: mostly(fc.constantFrom(undefined, null, true, false)),
    anonymousId: fc.constantFrom(undefined, null, 'a', 5, ''),
    messageId: rarely(anything),
    timestamp: mostly(time),
  })
  .map((fields) => JSON.stringify(fields))

describe('the JSON Schema of an event and the decoder', () => {
  test('agree on every event, except for what no schema can express', () => {
    const seen = { group: 0, ignored: 0, rejected: 0 }
    fc.assert(
      fc.property(event, (json) => {
        const isAllowed = validate(JSON.parse(json))
        const decoded = decoder.decodeValue(Buffer.from(json), NOW)
        seen[decoded.kind]++
        if (decoded.kind !== 'rejected') return isAllowed === (decoded.kind === 'group')
        return !isAllowed || decoded.problems.every(({ reason }) => NOT_IN_SCHEMA.includes(reason))
      }),
      { numRuns: 3000 },
    )
    // otherwise too few events of one kind would have been compared
    expect(Math.min(seen.group, seen.ignored, seen.rejected)).toBeGreaterThan(100)
  })
})
