/**
 * The contract of a group event. This zod schema is its one source: the decoder validates
 * with it, the TypeScript types and the published JSON Schema are made from it.
 */
import { z } from 'zod'
import { isJsonObject, type JsonObject } from './json.ts'
import { SAMPLE_EVENT } from './sample.ts'
import type { StoredValue } from './stored-value.ts'

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

/** A number that stands for a text is turned into it before it comes here. */
const id = z
  .union([idSchema, z.int()])
  .describe('1 to 512 bytes of UTF-8, not blank; a safe integer is taken as its decimal text')

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
  })
  .describe('Stored whole, as JSON. `postalCode` is stored as `postal_code`; nulls are dropped.')

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
  .describe('What is known of the group; null removes a trait. May be empty.')

const timestamp = z
  .union([z.string(), z.number()], 'must be an ISO 8601 date-time or a number since 1970')
  .describe(
    'When the event was first created: ISO 8601 (RFC 3339), or a number since 1970 in seconds (below 1e11), milliseconds (below 1e14) or microseconds',
  )

/** What the fields other than the ids and the time must be. */
export const fieldSchemas = {
  traits: object,
  context: object,
  type: z.literal('group', 'must be "group", or absent'),
  assigned: z.boolean('must be true or false'),
} as const

/** A group event as producers write it. */
export const groupEventSchema = z
  .looseObject({
    group_id: id.nullish(),
    groupId: id.nullish().describe('The same as `group_id`'),
    user_id: id.nullish(),
    userId: id.nullish().describe('The same as `user_id`'),
    traits: traits.nullish(),
    timestamp: timestamp.nullish(),
    context: object.nullish().describe('Extra information; accepted, not stored'),
    type: z
      .string()
      .nullish()
      .describe('Absent or `group`. Any other text is some other event, and passed over.'),
    assigned: fieldSchemas.assigned
      .nullish()
      .describe('False: the user left the group as of `timestamp`. Default: true.'),
    anonymousId: z
      .unknown()
      .optional()
      .describe('With `type: "group"` the user may be absent where this is there'),
  })
  .meta({
    title: 'Group event',
    description: 'A user belongs to a group, with what is known of the group as of a time.',
    allOf: [
      { anyOf: [{ required: ['group_id'] }, { required: ['groupId'] }] },
      {
        anyOf: [
          { required: ['user_id'] },
          { required: ['userId'] },
          { required: ['type', 'anonymousId'], properties: { type: { const: 'group' } } },
        ],
      },
      {
        anyOf: [
          { required: ['traits'] },
          { required: ['type'], properties: { type: { const: 'group' } } },
        ],
      },
      { required: ['timestamp'] },
    ],
    examples: [SAMPLE_EVENT],
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
  /** `null` removes the trait. */
  readonly traits: ReadonlyMap<string, StoredValue | null>
}

/** Everything that is known of the group as of the clock or before goes, and stays gone. */
export interface Erasure {
  readonly kind: 'erasure'
  readonly groupId: string
  /** Microseconds since 1970. */
  readonly clock: number
}
