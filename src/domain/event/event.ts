/**
 * The contract of a group event. This zod schema is its one source: the decoder validates with
 * it, and the TypeScript types and the published JSON Schema are derived from it. The
 * descriptions are published: they are written for producers.
 */
import { z } from 'zod'
import { isJsonObject, type JsonObject } from '../json/json-value.ts'
import { DATE_TIME } from '../time/timestamp.ts'
import type { EventTraits } from './event-traits.ts'
import { SAMPLE_EVENT } from './sample.ts'

export const MAX_ID_BYTES = 512

/** Not blank: `String.prototype.trim` leaves something. `\s` matches exactly what trim removes. */
const NOT_BLANK = /\S/

const fitsAnId = (id: string) =>
  id.length * 3 <= MAX_ID_BYTES || Buffer.byteLength(id) <= MAX_ID_BYTES

/** The message for a text with a lone surrogate: such a text has no UTF-8 form. */
export const MUST_BE_UNICODE = 'must be Unicode text without lone surrogates'

/** An id as text: 1 to 512 bytes of UTF-8, not blank. It is kept exactly. */
export const idSchema = z
  .string('must be a string, or an integer within ±(2^53-1)')
  .regex(NOT_BLANK, 'must not be blank')
  .max(MAX_ID_BYTES, `must have at most ${MAX_ID_BYTES} bytes`)
  .refine(fitsAnId, `must have at most ${MAX_ID_BYTES} bytes of UTF-8`)
  .refine((id) => id.isWellFormed(), MUST_BE_UNICODE)

const AN_ID = `1 to ${MAX_ID_BYTES} bytes of UTF-8, not blank. It is kept exactly, without trimming or normalisation. An integer within ±(2^53-1) is taken as its decimal text.`

const groupId = z
  .union([idSchema, z.int(), z.null()])
  .optional()
  .describe(`The id of the group: ${AN_ID}`)

const userId = z
  .union([idSchema, z.int(), z.literal(''), z.null()])
  .optional()
  .describe(
    `The id of the user: ${AN_ID} It may be absent, null or empty only in an event with \`type: "group"\` and an \`anonymousId\`. The traits of such an event are stored, but nobody becomes a member.`,
  )

const object = z
  .custom<JsonObject>(isJsonObject, 'must be an object')
  .meta({ type: 'object', additionalProperties: true })

const text = z.union([z.string(), z.number()], 'must be a string or a number')

const address = z
  .looseObject({
    city: text.nullish(),
    country: text.nullish(),
    postal_code: text.nullish(),
    state: text.nullish(),
    street: text.nullish(),
    postalCode: text
      .nullish()
      .describe(
        'Another spelling of `postal_code`, and stored as `postal_code`. If both are given, they must be equal.',
      ),
  })
  .describe(
    'The address of the group. It is stored as one JSON value, and a newer address replaces it whole. Members other than those named here are kept; null members are dropped.',
  )

const email = z.email('must be an e-mail address')
const webUrl = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' })

/** The traits that the contract names. Any other trait may be any JSON value. */
const namedTraits = {
  address,
  avatar: text.describe('URL of a picture of the group'),
  description: text.describe('What the group is'),
  email: text.describe('E-mail address of the group'),
  employees: text.describe('Number of employees of the group'),
  phone: text.describe('Phone number of the group'),
  website: text.describe('URL of the group'),
  plan: text.describe('Plan that the group has subscribed to'),
} as const

const strictTraits = { ...namedTraits, avatar: webUrl, email, website: webUrl } as const

/** Returns the schema of each named trait. The decoder turns numbers into text before it asks. */
export function traitSchemas(strictFormats: boolean): ReadonlyMap<string, z.ZodType> {
  return new Map(Object.entries(strictFormats ? strictTraits : namedTraits))
}

const traits = z
  .looseObject(
    Object.fromEntries(
      Object.entries(namedTraits).map(([name, schema]) => [name, schema.nullish()]),
    ) as {
      [Name in keyof typeof namedTraits]: z.ZodOptional<z.ZodNullable<(typeof namedTraits)[Name]>>
    },
  )
  .meta({
    description:
      'The traits of the group as of `timestamp`. A null removes the trait. An empty object is fine: the event then only says that the user belongs to the group. A trait that is not named here may be any JSON value. An object or array replaces the previous value whole; it is not merged. Limits by default: 512 traits, 256 bytes of UTF-8 per name, 32 KiB per value.',
    propertyNames: { pattern: NOT_BLANK.source },
  })

const timestamp = z
  .union([z.string().regex(DATE_TIME), z.number().min(0)])
  .describe(
    'When the event was first created, kept to the microsecond. ISO 8601 (RFC 3339) is recommended: `2020-11-23T22:28:55.111Z`, or an offset instead of `Z`; without either the time is UTC. A number is the time since 1970: in seconds below 1e11, in milliseconds below 1e14, else in microseconds. The time must not be before 1970, nor later than the Kafka timestamp of the record by more than the allowed clock skew (24 hours by default).',
  )

/** The schemas of the fields other than the ids and the timestamp. */
export const fieldSchemas = {
  traits: object,
  context: object,
  type: z.literal('group', 'must be the string "group", or absent'),
  assigned: z.boolean('must be true or false'),
} as const

/** In JSON Schema: the field is present, with a value other than those that count as absent. */
const given = (name: string, absent: readonly unknown[] = [null]) => ({
  required: [name],
  properties: { [name]: { not: { enum: absent } } },
})

const fromDestination = { required: ['type'], properties: { type: { const: 'group' } } }

/** A group event as producers write it. */
export const groupEventSchema = z
  .looseObject({
    group_id: groupId,
    groupId: groupId.describe(
      'Another spelling of `group_id`. If both are given, they must be equal.',
    ),
    user_id: userId,
    userId: userId.describe(
      'Another spelling of `user_id`. If both are given, they must be equal.',
    ),
    traits: traits.nullish(),
    timestamp,
    context: object.nullish().describe('Extra information. It is accepted, but not stored.'),
    type: fieldSchemas.type
      .nullish()
      .describe(
        'An event with any other string is ignored, so the topic may carry other events, too.',
      ),
    assigned: fieldSchemas.assigned
      .nullish()
      .describe(
        'False: the user left the group as of `timestamp`. The traits are stored all the same. Default: true.',
      ),
    anonymousId: z
      .unknown()
      .optional()
      .describe(
        'In an event with `type: "group"`: the id of a visitor who is not logged in. It is not stored.',
      ),
  })
  .meta({
    title: 'Group event',
    description:
      'Says that a user belongs to a group, and what the traits of the group are, as of a time. Any other field is allowed, but not stored. Limits by default: 1 MiB, and 32 levels of objects and arrays.',
    allOf: [
      { anyOf: [given('group_id'), given('groupId')] },
      {
        anyOf: [
          given('user_id', [null, '']),
          given('userId', [null, '']),
          { allOf: [fromDestination, given('anonymousId')] },
        ],
      },
      { anyOf: [given('traits'), fromDestination] },
    ],
    examples: [
      SAMPLE_EVENT,
      {
        group_id: 'account123',
        user_id: 'user123',
        traits: {
          employees: 250,
          phone: null,
          address: { city: 'Ulm', country: 'Germany', postal_code: '89073' },
          features: ['reports', 'sso'],
        },
        timestamp: '2020-11-24T08:00:00.250+01:00',
      },
      {
        group_id: 'account123',
        user_id: 'user123',
        assigned: false,
        traits: {},
        timestamp: 1606219200000,
      },
      {
        type: 'group',
        groupId: 'account123',
        userId: '',
        anonymousId: 'b2f6a1a0-6d5c-4b0e-9d9e-3c1f5a7e8d10',
        traits: { plan: 'enterprise' },
        context: { library: { name: 'RudderLabs JavaScript SDK' } },
        timestamp: '2020-11-24T12:00:00.000Z',
      },
    ],
  })

/** A group event as producers write it. */
export type GroupEventInput = z.input<typeof groupEventSchema>

/** A valid group event, decoded. */
export interface GroupEvent {
  readonly kind: 'group'
  readonly groupId: string
  /** `null` for an event of an anonymous visitor. */
  readonly userId: string | null
  /** Whether the user is a member as of the clock; false: the user left. */
  readonly assigned: boolean
  /** When the event was first created: microseconds since 1970. */
  readonly clock: number
  readonly traits: EventTraits
}

/**
 * A valid erasure, decoded: every value, removal and membership of the group as of the clock or
 * before is deleted, and stays deleted when old events are replayed.
 */
export interface Erasure {
  readonly kind: 'erasure'
  readonly groupId: string
  /** Microseconds since 1970. */
  readonly clock: number
}
