/**
 * The contract of a group event. This zod schema is its one source: the decoder validates
 * with it, the TypeScript types and the published JSON Schema are made from it.
 */
import { z } from 'zod'
import { isJsonObject, type JsonObject } from '../json/json.ts'
import { DATE_TIME } from '../time/timestamp.ts'
import type { EventTraits } from './event-traits.ts'
import { SAMPLE_EVENT } from './sample.ts'

export const MAX_ID_BYTES = 512

/** Not blank: something is left after `String.prototype.trim`. */
const NOT_BLANK = /\S/

const fitsAnId = (id: string) =>
  id.length * 3 <= MAX_ID_BYTES || Buffer.byteLength(id) <= MAX_ID_BYTES

/** An id as text. */
export const idSchema = z
  .string('must be a string, or an integer that a double holds exactly')
  .regex(NOT_BLANK, 'must not be blank')
  .max(MAX_ID_BYTES, `must have at most ${MAX_ID_BYTES} bytes`)
  .refine(fitsAnId, `must have at most ${MAX_ID_BYTES} bytes of UTF-8`)
  .refine((id) => id.isWellFormed(), 'must be Unicode text without lone surrogates')

const AN_ID =
  '1 to 512 bytes of UTF-8, not blank, kept exactly; an integer within ±(2^53-1) is taken as its decimal text.'

const groupId = z.union([idSchema, z.int(), z.null()]).optional().describe(`The group: ${AN_ID}`)

const userId = z
  .union([idSchema, z.int(), z.literal(''), z.null()])
  .optional()
  .describe(
    `The user: ${AN_ID} Absent, null or empty only in an event of \`type: "group"\` with an \`anonymousId\`: then nobody becomes a member.`,
  )

const object = z
  .custom<JsonObject>(isJsonObject, 'must be an object')
  .meta({ type: 'object', additionalProperties: true })

const text = z.union(
  [z.string(), z.number()],
  'must be a string, or a number that is taken as its text',
)

const address = z
  .looseObject({
    city: text.nullish(),
    country: text.nullish(),
    postal_code: text.nullish(),
    state: text.nullish(),
    street: text.nullish(),
    postalCode: text
      .nullish()
      .describe('The same as `postal_code`, and stored as such. If both are given, they agree.'),
  })
  .describe(
    'Where the group is. Stored whole, as JSON, and replaced whole: other members are kept, nulls are dropped.',
  )

const email = z.email('must be an e-mail address')
const webUrl = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' })

/** The traits that the contract names. Any other may be any JSON value. */
const namedTraits = {
  address,
  avatar: text.describe('URL of a picture of the group'),
  description: text.describe('What the group is'),
  email: text.describe('E-mail address of the group'),
  employees: text.describe('How many employees the group has'),
  phone: text.describe('Phone number of the group'),
  website: text.describe('URL of the group'),
  plan: text.describe('The plan that the group is on'),
} as const

const strictTraits = { ...namedTraits, avatar: webUrl, email, website: webUrl } as const

/** How a named trait is checked, once numbers are turned to text; by name. */
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
      'What is known of the group, each trait as of `timestamp`; null removes a trait. May be empty: then the event says only that the user belongs to the group. Any other trait than those named here may be any JSON value. An object or array is replaced whole. By default at most 512 traits, 256 bytes of UTF-8 a name, 32 KiB a value.',
    propertyNames: { pattern: NOT_BLANK.source },
  })

const timestamp = z
  .union([z.string().regex(DATE_TIME), z.number().min(0)])
  .describe(
    'When the event was first created. ISO 8601 (RFC 3339) is recommended: with `Z` or an offset (UTC where there is neither), kept to the microsecond. Or a number since 1970 in seconds (below 1e11), milliseconds (below 1e14) or microseconds. Not before 1970, and not later than the record by more than the skew that is allowed (24 hours by default).',
  )

/** What the fields other than the ids and the time must be. */
export const fieldSchemas = {
  traits: object,
  context: object,
  type: z.literal('group', 'must be "group", or absent'),
  assigned: z.boolean('must be true or false'),
} as const

/** In JSON Schema: the field is there, with another value than those that count as absent. */
const given = (name: string, absent: readonly unknown[] = [null]) => ({
  required: [name],
  properties: { [name]: { not: { enum: absent } } },
})

const fromDestination = { required: ['type'], properties: { type: { const: 'group' } } }

/** A group event as producers write it. */
export const groupEventSchema = z
  .looseObject({
    group_id: groupId,
    groupId: groupId.describe('The same as `group_id`. If both are given, they agree.'),
    user_id: userId,
    userId: userId.describe('The same as `user_id`. If both are given, they agree.'),
    traits: traits.nullish(),
    timestamp,
    context: object.nullish().describe('Extra information; accepted, not stored.'),
    type: fieldSchemas.type
      .nullish()
      .describe('Any other text is some other event on a shared topic, and passed over.'),
    assigned: fieldSchemas.assigned
      .nullish()
      .describe(
        'False: the user left the group as of `timestamp`; the traits count all the same. Default: true.',
      ),
    anonymousId: z
      .unknown()
      .optional()
      .describe('In an event of `type: "group"`: who it was where no user is known. Not stored.'),
  })
  .meta({
    title: 'Group event',
    description:
      'A user belongs to a group, with what is known of the group as of a time. Any other field is allowed, and not stored. JSON of at most 1 MiB and 32 levels by default.',
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

/** A valid group event, decoded: user belongs to group, with what is known of the group. */
export interface GroupEvent {
  readonly kind: 'group'
  readonly groupId: string
  /** `null` where nobody is named: an event of an anonymous visitor. */
  readonly userId: string | null
  /** False: the user left the group as of the clock. */
  readonly assigned: boolean
  /** When the event was first created: microseconds since 1970. */
  readonly clock: number
  readonly traits: EventTraits
}

/** Everything that is known of the group as of the clock or before goes, and stays gone. */
export interface Erasure {
  readonly kind: 'erasure'
  readonly groupId: string
  /** Microseconds since 1970. */
  readonly clock: number
}
