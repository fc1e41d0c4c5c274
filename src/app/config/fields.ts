import { z } from 'zod'
import { configSchema } from './config.ts'

type Node = z.core.JSONSchema.JSONSchema

/** One setting: its names in each source, and what the schema says about it. */
export interface Field {
  /** Name in the file, with its section: `kafka.sasl.password`. */
  readonly name: string
  /** Name in the environment: `KAFKA_SASL_PASSWORD`. */
  readonly variable: string
  /** Name on the command line: `--kafka-client-id`. Null for a password: `ps` would show it. */
  readonly flag: string | null
  readonly description: string
  /** As it would be written in the file; undefined if there is none. */
  readonly default: unknown
  readonly unit: 'ms' | 'bytes' | undefined
  readonly secret: boolean
  /** The JSON Schema type; undefined if several types are allowed. */
  readonly type: Node['type']
}

/** Returns the JSON Schema of the configuration file. */
export function configJsonSchema(): Node {
  return z.toJSONSchema(configSchema, { io: 'input' })
}

/** All fields, in the order of the schema. */
export const fields: readonly Field[] = [...fieldsWithin(configJsonSchema(), [])]

const byName = new Map(fields.map((field) => [field.name, field]))

export function fieldNamed(name: string): Field | undefined {
  return byName.get(name)
}

/**
 * Converts a text from the environment or the command line to the type of the field. A text that
 * does not fit the type is returned unchanged; the schema then rejects it.
 */
export function valueOfText(field: Field, text: string): unknown {
  switch (field.type) {
    case 'array':
      return text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '')
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text
    case 'integer':
      return /^\d+$/.test(text) ? Number(text) : text
    default:
      return text
  }
}

/** Returns the value without secrets, also without those inside a URL. */
export function redacted(field: Field, value: unknown): unknown {
  if (!field.secret || value === undefined) return value
  return typeof value === 'string' && value.includes('://')
    ? value.replace(/:\/\/.*@/s, `://${HIDDEN}@`)
    : HIDDEN
}

const HIDDEN = '[hidden]'

function* fieldsWithin(schema: Node, path: readonly string[]): Generator<Field> {
  for (const [key, child] of Object.entries(schema.properties ?? {})) {
    if (typeof child === 'boolean') continue
    const childPath = [...path, key]
    if (child.properties !== undefined) yield* fieldsWithin(child, childPath)
    else yield fieldOf(child, childPath)
  }
}

function fieldOf(schema: Node, path: readonly string[]): Field {
  const words = path.join('.').split(/[.]|(?=[A-Z])/)
  return {
    name: path.join('.'),
    variable: words.join('_').toUpperCase(),
    flag: path.at(-1) === 'password' ? null : `--${words.join('-').toLowerCase()}`,
    description: schema.description ?? '',
    default: schema.default,
    unit: schema.unit as Field['unit'],
    secret: schema.secret === true,
    type: schema.type,
  }
}
