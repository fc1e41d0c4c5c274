import { JsonText } from '../../domain/json/stored-value.ts'
import { type Membership, Memberships } from '../../domain/merge/memberships.ts'
import { type GroupState, NEVER } from '../../domain/merge/merge.ts'
import { TraitStates } from '../../domain/merge/trait-states.ts'

/** What the keys of a group hold, as texts. */
export interface GroupTexts {
  readonly groupId: string
  /** Trait → value, and trait → clock with its form; the empty field is the head. */
  readonly values: ReadonlyMap<string, string>
  readonly stamps: ReadonlyMap<string, string>
  /** User id → score. */
  readonly members: ReadonlyMap<string, string>
  readonly left: ReadonlyMap<string, string>
}

export interface ParsedGroup {
  readonly exists: boolean
  readonly state: GroupState
  readonly oddTraits: ReadonlyMap<string, string>
  readonly oddUsers: ReadonlyMap<string, string>
  /** The field whose clock no worker can read, so that none can write the group. */
  readonly malformed: string | null
}

export function parseGroup(texts: GroupTexts): ParsedGroup {
  const { groupId, values, stamps, members, left } = texts
  const head = parseHead(stamps.get(''))
  const traits = parseTraits(values, stamps)
  const users = parseUsers(members, left)
  return {
    exists: values.size + stamps.size + members.size + left.size > 0,
    state: {
      groupId,
      latest: head?.latest ?? NEVER,
      erasedAt: head?.erasedAt ?? NEVER,
      traits: traits.parsed,
      users: users.parsed,
    },
    oddTraits: traits.odd,
    oddUsers: users.odd,
    malformed: stamps.size > 0 && head === null ? '' : traits.malformed,
  }
}

function parseHead(text: string | undefined): { latest: number; erasedAt: number } | null {
  const [, latest, erasedAt] = /^(\d{16})(\d{16})?$/.exec(text ?? '') ?? []
  const head = { latest: Number(latest), erasedAt: Number(erasedAt ?? NEVER) }
  return Number.isSafeInteger(head.latest) && Number.isSafeInteger(head.erasedAt) ? head : null
}

const STAMP = /^(\d{16})([jx]?)$/

function parseTraits(values: ReadonlyMap<string, string>, stamps: ReadonlyMap<string, string>) {
  const parsed = new TraitStates()
  const odd = new Map<string, string>()
  let malformed: string | null = null
  for (const [name, text] of values) {
    if (!stamps.has(name)) odd.set(name, `${JSON.stringify(text)} without a clock`)
  }
  for (const [name, stamp] of stamps) {
    if (name === '') continue
    const [, digits, form] = STAMP.exec(stamp) ?? []
    const text = values.get(name)
    if (digits === undefined || !Number.isSafeInteger(Number(digits))) malformed ??= name
    else if (form === 'x' && text === undefined) {
      parsed.set(name, { clock: Number(digits), value: null })
    } else if (form === 'x') odd.set(name, `${JSON.stringify(text)}, yet removed by its clock`)
    else if (text === undefined) odd.set(name, 'a clock without a value')
    else {
      const value = form === 'j' ? new JsonText(text) : text
      parsed.set(name, { clock: Number(digits), value })
    }
  }
  return { parsed, odd, malformed }
}

function parseUsers(members: ReadonlyMap<string, string>, left: ReadonlyMap<string, string>) {
  const parsed = new Memberships()
  const odd = new Map<string, string>()
  for (const userId of new Set([...members.keys(), ...left.keys()])) {
    const membership = membershipOf(members.get(userId) ?? null, left.get(userId) ?? null)
    if (typeof membership === 'string') odd.set(userId, membership)
    else if (membership !== null) parsed.set(userId, membership)
  }
  return { parsed, odd }
}

/** How a user stands by two scores; `null`: by none; a text: what is wrong with them. */
export function membershipOf(
  joined: string | null,
  left: string | null,
): Membership | string | null {
  if (joined !== null && left !== null) return 'both a member and one who left'
  const score = joined ?? left
  if (score === null) return null
  const clock = /^\d{1,16}$/.test(score) ? Number(score) : Number.NaN
  if (!Number.isSafeInteger(clock)) return `a score of ${score}, which is no time`
  return { clock, member: joined !== null }
}
