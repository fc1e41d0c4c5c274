import { Ajv } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { asyncApiDocument, eventJsonSchema } from '../../../../src/domain/event/published-schema.ts'
import { SAMPLE_EVENT } from '../../../../src/domain/event/sample.ts'
import { REASON_MEANINGS, REASONS } from '../../../../src/domain/problem.ts'
import { CONNECT_HEADERS, OWN_HEADERS } from '../../../../src/kafka/producer/dead-letter-headers.ts'
import { decode, eventText } from '../../../setup/domain/decoding.ts'

// strict, except for the draft 7 annotations that AsyncAPI allows
const draft7 = new Ajv({ allowUnionTypes: true, strictTypes: false, strictRequired: false })
const validate = new Ajv2020({ allowUnionTypes: true, strictTypes: false }).compile(
  eventJsonSchema(),
)

describe('the JSON Schema of an event', () => {
  test('is of draft 2020-12, with a title and a description', () => {
    expect(eventJsonSchema()).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      title: 'Group event',
      description: expect.stringContaining('group'),
    })
  })

  test('has the sample of the contract as its first example', () => {
    expect(eventJsonSchema()).toHaveProperty('examples.0', SAMPLE_EVENT)
  })

  test('has examples that are valid for the schema and for the decoder', () => {
    const { examples } = eventJsonSchema() as { examples: unknown[] }
    expect(examples.length).toBeGreaterThan(3)
    for (const example of examples) {
      expect(validate(example)).toBe(true)
      expect(decode(JSON.stringify(example)).kind).toBe('group')
    }
  })

  test.each([
    ['both spellings', { groupId: '"acme"', userId: '"ann"' }],
    ['integers as ids', { group_id: '5', user_id: '-7' }],
    ['nulls in optional fields', { context: 'null', type: 'null', assigned: 'null' }],
    ['numbers and nulls as traits', { traits: '{"employees":250,"plan":null,"address":null}' }],
    ['an address', { traits: '{"address":{"city":null,"postalCode":5,"x":[1]}}' }],
    ['any value of another trait', { traits: '{"a":true,"b":[null],"c":{"d":1},"address2":5}' }],
    ['a type', { type: '"group"' }],
    ['fields that the contract does not name', { messageId: '"m"', integrations: '{"All":true}' }],
    ['a time in seconds', { timestamp: '1606170535.5' }],
    ['no traits in an event with type group', { type: '"group"', traits: undefined }],
    ['null for traits in such an event', { type: '"group"', traits: 'null' }],
    [
      'no user in such an event with an anonymousId',
      { type: '"group"', anonymousId: '"a"', user_id: undefined },
    ],
    ['an empty user in such an event', { type: '"group"', anonymousId: '"a"', user_id: '""' }],
  ])('allows %s, as the decoder does', (_what, fields) => {
    const text = eventText(fields)
    expect(validate(JSON.parse(text))).toBe(true)
    expect(decode(text).kind).toBe('group')
  })

  test.each([
    ['no group', { group_id: undefined }],
    ['null for the group', { group_id: 'null' }],
    ['a blank group', { group_id: '" \uFEFF"' }],
    ['a group of 513 bytes', { group_id: `"${'x'.repeat(513)}"` }],
    ['a fraction as a group', { group_id: '1.5' }],
    ['an integer that a double cannot hold', { group_id: '9007199254740992' }],
    ['an object as a group', { group_id: '{}' }],
    ['no user', { user_id: undefined }],
    ['an empty user', { user_id: '""' }],
    ['no user in an event with type group', { type: '"group"', user_id: undefined }],
    [
      'no user in an event with an anonymousId but no type',
      { anonymousId: '"a"', user_id: 'null' },
    ],
    [
      'a blank user in an event with an anonymousId',
      { type: '"group"', anonymousId: '1', user_id: '" "' },
    ],
    ['no traits', { traits: undefined }],
    ['null for traits', { traits: 'null' }],
    ['an array of traits', { traits: '[]' }],
    ['a blank trait', { traits: '{" ":1}' }],
    ['a nameless trait', { traits: '{"":null}' }],
    ['true as an e-mail', { traits: '{"email":true}' }],
    ['an array as a plan', { traits: '{"plan":["pro"]}' }],
    ['a string as an address', { traits: '{"address":"Ulm"}' }],
    ['an object as a city', { traits: '{"address":{"city":{}}}' }],
    ['true as a postalCode', { traits: '{"address":{"postalCode":true}}' }],
    ['no time', { timestamp: undefined }],
    ['null for a time', { timestamp: 'null' }],
    ['digits as a time', { timestamp: '"1606170535"' }],
    ['a year of five digits', { timestamp: '"12020-01-01"' }],
    ['a time before 1970', { timestamp: '-1' }],
    ['a string as a context', { context: '"x"' }],
    ['a number as a type', { type: '5' }],
    ['a string for assigned', { assigned: '"false"' }],
  ])('rejects %s, as the decoder does', (_what, fields) => {
    const text = eventText(fields)
    expect(validate(JSON.parse(text))).toBe(false)
    expect(decode(text).kind).toBe('rejected')
  })

  test('rejects an event of another type, which the decoder ignores', () => {
    expect(validate(JSON.parse(eventText({ type: '"track"' })))).toBe(false)
  })
})

interface Message {
  readonly payload: { readonly $schema?: string; readonly description?: string }
  readonly headers?: object
  readonly examples: readonly { readonly payload?: unknown; readonly headers?: object }[]
}

interface Document {
  readonly asyncapi: string
  readonly channels: Record<string, { readonly address: string; readonly messages: object }>
  readonly components: {
    readonly messages: Record<'groupEvent' | 'erasure' | 'deadLetter', Message>
  }
}

describe('the AsyncAPI document', () => {
  const document = asyncApiDocument() as Document
  const { groupEvent, erasure, deadLetter } = document.components.messages

  test('is of AsyncAPI 3.0, and has the event topic and the dead-letter topic', () => {
    expect(document.asyncapi).toBe('3.0.0')
    expect(Object.values(document.channels).map(({ address }) => address)).toEqual([
      'groups',
      'groups.dead-letters',
    ])
    expect(Object.keys(document.channels.groups?.messages ?? {})).toEqual(['groupEvent', 'erasure'])
  })

  test('can be written as JSON without loss', () => {
    expect(JSON.parse(JSON.stringify(document))).toEqual(document)
  })

  test('has no reference to something missing', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#([^"]*)"/g)]
    expect(references.length).toBeGreaterThan(5)
    for (const [, pointer = ''] of references) expect(resolve(document, pointer)).toBeDefined()
  })

  test('has the same schema of the event as the JSON Schema', () => {
    const payload = draft7.compile(groupEvent.payload)
    for (const { payload: example } of groupEvent.examples) expect(payload(example)).toBe(true)
    expect(groupEvent.examples).toHaveLength(
      (eventJsonSchema() as { examples: [] }).examples.length,
    )
    const { $schema: _, examples: __, ...schema } = eventJsonSchema() as Record<string, unknown>
    expect(groupEvent.payload).toEqual(schema)
  })

  test('has examples whose headers are valid, for an erasure and for a dead letter', () => {
    for (const message of [erasure, deadLetter]) {
      const headers = draft7.compile(message.headers ?? {})
      expect(message.examples.length).toBeGreaterThan(0)
      for (const example of message.examples) expect(headers(example.headers)).toBe(true)
      expect(headers({})).toBe(false)
    }
  })

  test('describes exactly the headers that a dead letter may have', () => {
    const { properties } = deadLetter.headers as { properties: object }
    expect(Object.keys(properties).sort()).toEqual(
      [...Object.values(CONNECT_HEADERS), ...Object.values(OWN_HEADERS)].sort(),
    )
  })

  test('explains every reason', () => {
    const reason = resolve(deadLetter, '/headers/properties/group-traits.reason') as {
      readonly enum: unknown
      readonly description: string
    }
    expect(reason.enum).toEqual(REASONS)
    for (const name of REASONS) {
      expect(reason.description).toContain(`- \`${name}\`: ${REASON_MEANINGS[name]}`)
    }
  })
})

function resolve(value: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .reduce<unknown>((at, step) => (at as Record<string, unknown> | undefined)?.[step], value)
}
