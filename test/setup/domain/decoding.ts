import { createDecoder, type Decoded, type DecodeRules } from '../../../src/domain/event/decode.ts'
import type { GroupEvent } from '../../../src/domain/event/event.ts'
import { formOf, type StoredValue, textOf } from '../../../src/domain/json/stored-value.ts'
import { DEFAULT_RULES } from './decode-rules.ts'

/** When every record of these tests was received: 2026-01-01, in milliseconds since 1970. */
export const NOW = Date.UTC(2026, 0, 1)

/** Fields of an event as JSON texts, so that a test decides how numbers and escapes are written. */
export type FieldTexts = Readonly<Record<string, string | undefined>>

/** Returns the text of a valid event with these fields replaced; undefined leaves a field out. */
export function eventText(fields: FieldTexts = {}): string {
  const all: FieldTexts = {
    group_id: '"acme"',
    user_id: '"ann"',
    traits: '{}',
    timestamp: '"2020-11-23T22:28:55.111Z"',
    ...fields,
  }
  const members = Object.entries(all).filter(([, text]) => text !== undefined)
  return `{${members.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`
}

export function decode(value: string | Buffer, rules: Partial<DecodeRules> = {}): Decoded {
  return createDecoder({ ...DEFAULT_RULES, ...rules }).decodeValue(Buffer.from(value), NOW)
}

/** Decodes a value that must be accepted. @throws if it is not */
export function accept(value: string | Buffer, rules: Partial<DecodeRules> = {}): GroupEvent {
  const decoded = decode(value, rules)
  if (decoded.kind !== 'group') throw new Error(`not accepted: ${JSON.stringify(decoded)}`)
  return decoded
}

/** Returns the problems of a value as `reason path`; none if it is accepted. */
export function problemsOf(value: string | Buffer, rules: Partial<DecodeRules> = {}): string[] {
  const decoded = decode(value, rules)
  if (decoded.kind !== 'rejected') return []
  return decoded.problems.map(({ reason, path }) => `${reason} ${path}`)
}

/** Writes a stored value in short: `s:` and a string, `j:` and JSON, `x` for a removal. */
export function word(value: StoredValue | null | undefined): string {
  if (value === undefined) return 'absent'
  if (value === null) return 'x'
  return `${formOf(value) || 's'}:${textOf(value)}`
}

/** Decodes an event with one trait, given as JSON text, and returns its stored form in short. */
export function stored(name: string, json: string): string {
  const traits = `{${JSON.stringify(name)}:${json}}`
  return word(accept(eventText({ traits })).traits.get(name))
}

/** Returns the problems of an event with one trait, given as JSON text, as `reason path`. */
export function problemsOfTrait(name: string, json: string): string[] {
  return problemsOf(eventText({ traits: `{${JSON.stringify(name)}:${json}}` }))
}
