/** Parses whole groups as `verify` reads them. What no worker writes is reported as odd. */
import { JsonText } from '../../domain/json/stored-value.ts'
import { Memberships } from '../../domain/merge/memberships.ts'
import { type GroupState, NEVER } from '../../domain/merge/merge.ts'
import { TraitStates } from '../../domain/merge/trait-states.ts'
import { parseClockField, parseHeader, parseMembership } from './layout.ts'

/** What the keys of a group hold, as texts. */
export interface GroupTexts {
  readonly groupId: string
  /** Trait → value. */
  readonly values: ReadonlyMap<string, string>
  /** Trait → clock field; the empty name → the header. */
  readonly clockFields: ReadonlyMap<string, string>
  /** User id → score. */
  readonly members: ReadonlyMap<string, string>
  readonly left: ReadonlyMap<string, string>
}

export interface ParsedGroup {
  /** Whether any key of the group exists. */
  readonly exists: boolean
  /** What the group holds in the form that this program writes. */
  readonly state: GroupState
  /** Trait → what is wrong with it; such a trait is not in `state`. */
  readonly oddTraits: ReadonlyMap<string, string>
  /** User id → what is wrong with the membership; such a user is not in `state`. */
  readonly oddUsers: ReadonlyMap<string, string>
  /** The first malformed clock field ('' is the header): no worker can write the group then. */
  readonly malformed: string | null
}

export function parseGroup(texts: GroupTexts): ParsedGroup {
  const { groupId, values, clockFields, members, left } = texts
  const header = parseHeader(clockFields.get('') ?? '')
  const traits = parseTraits(values, clockFields)
  const users = parseUsers(members, left)
  return {
    exists: values.size + clockFields.size + members.size + left.size > 0,
    state: {
      groupId,
      latest: header?.latest ?? NEVER,
      erasedAt: header?.erasedAt ?? NEVER,
      traits: traits.parsed,
      users: users.parsed,
    },
    oddTraits: traits.odd,
    oddUsers: users.odd,
    malformed: clockFields.size > 0 && header === null ? '' : traits.malformed,
  }
}

function parseTraits(
  values: ReadonlyMap<string, string>,
  clockFields: ReadonlyMap<string, string>,
) {
  const parsed = new TraitStates()
  const odd = new Map<string, string>()
  let malformed: string | null = null
  for (const [name, text] of values) {
    if (!clockFields.has(name)) odd.set(name, `${JSON.stringify(text)} without a clock`)
  }
  for (const [name, field] of clockFields) {
    if (name === '') continue // the header
    const { clock, form } = parseClockField(field) ?? {}
    const text = values.get(name)
    if (clock === undefined) malformed ??= name
    else if (form === 'x' && text === undefined) parsed.set(name, { clock, value: null })
    else if (form === 'x') odd.set(name, `${JSON.stringify(text)}, yet removed by its clock`)
    else if (text === undefined) odd.set(name, 'a clock without a value')
    else parsed.set(name, { clock, value: form === 'j' ? new JsonText(text) : text })
  }
  return { parsed, odd, malformed }
}

function parseUsers(members: ReadonlyMap<string, string>, left: ReadonlyMap<string, string>) {
  const parsed = new Memberships()
  const odd = new Map<string, string>()
  for (const userId of new Set([...members.keys(), ...left.keys()])) {
    const membership = parseMembership(members.get(userId) ?? null, left.get(userId) ?? null)
    if (typeof membership === 'string') odd.set(userId, membership)
    else if (membership !== null) parsed.set(userId, membership)
  }
  return { parsed, odd }
}
