/**
 * Reads groups and users for people and programs (`show`, `user`): by one script each, so all as
 * of one moment. What another program wrote there is shown as well as it can be.
 */
import { parseJson } from '../../domain/json/parse-json.ts'
import type { Form } from '../../domain/json/stored-value.ts'
import { NEVER } from '../../domain/merge/merge.ts'
import { NotRetriable } from '../../pipeline/errors.ts'
import { askAtStart } from '../connection/ask.ts'
import type { RedisConnection } from '../connection/connection.ts'
import { codeOf } from '../connection/error-translation.ts'
import { groupKey, groupsKey, leftKey, userKey } from '../keys.ts'
import { type ClockField, pairsOf, parseClockField, parseHeader } from './layout.ts'

export interface GroupView {
  readonly groupId: string
  /** Sorted by name, in the order of UTF-16 units. */
  readonly traits: readonly TraitView[]
  /** Traits that were removed, remembered so that an older event cannot bring them back. */
  readonly removed: readonly RemovedView[]
  /** The latest first; the first `maxUsers` of `memberCount`. */
  readonly members: readonly UserClock[]
  readonly memberCount: number
  /** Users who left; likewise the first of `leftCount`. */
  readonly left: readonly UserClock[]
  readonly leftCount: number
  /** The latest clock of all, in microseconds; -1 if another program deleted or broke it. */
  readonly latest: number
  /** The time as of which the group was erased, in microseconds; -1: never. */
  readonly erasedAt: number
}

export interface TraitView {
  readonly name: string
  /** The string, or the parsed JSON, with the precision of JavaScript's numbers. */
  readonly value: unknown
  /** The stored text, which has every digit. */
  readonly stored: string
  readonly form: Exclude<Form, 'x'>
  /** Event time in microseconds; `null` for a field that another program wrote. */
  readonly clock: number | null
}

export interface RemovedView {
  readonly name: string
  readonly clock: number
}

export interface UserClock {
  readonly userId: string
  /** Event time in microseconds. */
  readonly clock: number
}

export interface UserView {
  readonly userId: string
  /** The latest first; the first `maxGroups` of `groupCount`. */
  readonly groups: readonly GroupClock[]
  readonly groupCount: number
  readonly left: readonly GroupClock[]
  readonly leftCount: number
}

export interface GroupClock {
  readonly groupId: string
  readonly clock: number
}

/**
 * Reads a group as of one moment; `null` if Redis holds nothing of it. What was erased is left
 * out: of an erased group only `latest` and `erasedAt` remain.
 *
 * @param maxUsers how many members, and how many of those who left, at most
 * @throws Unavailable; NotRetriable if a key of the group has the wrong type
 */
export async function readGroup(
  connection: RedisConnection,
  groupId: string,
  maxUsers = 1000,
): Promise<GroupView | null> {
  const key = groupKey(connection.settings, groupId)
  const [traits, clocks, members, memberCount, left, leftCount] = await askAt(connection, key, () =>
    connection.client.readGroup(key, maxUsers),
  )
  if (traits.length + clocks.length + memberCount + leftCount === 0) return null

  const clockTexts = new Map(pairsOf(clocks))
  const { latest, erasedAt } = parseHeader(clockTexts.get('') ?? '') ?? NO_HEADER
  clockTexts.delete('')
  const clockFields = new Map(
    Array.from(clockTexts, ([name, text]) => [name, parseClockField(text)]),
  )
  return {
    groupId,
    traits: traitsOf(pairsOf(traits), clockFields, erasedAt),
    removed: removedOf(clockFields, erasedAt),
    members: userClocks(members),
    memberCount,
    left: userClocks(left),
    leftCount,
    latest,
    erasedAt,
  }
}

const NO_HEADER = { latest: NEVER, erasedAt: NEVER }

/**
 * Reads the groups of a user as of one moment; `null` if the user is in none and left none.
 *
 * @param maxGroups how many groups, and how many that the user left, at most
 * @throws Unavailable; NotRetriable if a key of the user has the wrong type
 */
export async function readUser(
  connection: RedisConnection,
  userId: string,
  maxGroups = 1000,
): Promise<UserView | null> {
  const key = userKey(connection.settings, userId)
  const [groups, groupCount, left, leftCount] = await askAt(connection, key, () =>
    connection.client.readUser(groupsKey(key), leftKey(key), maxGroups),
  )
  if (groupCount + leftCount === 0) return null
  return { userId, groups: groupClocks(groups), groupCount, left: groupClocks(left), leftCount }
}

/** Like `ask`, for commands on keys that begin with `key`. */
async function askAt<Reply>(
  connection: RedisConnection,
  key: string,
  send: () => Promise<Reply>,
): Promise<Reply> {
  return await askAtStart(connection, async () => {
    try {
      return await send()
    } catch (error) {
      if (!(error instanceof Error) || codeOf(error) !== 'WRONGTYPE') throw error
      throw new NotRetriable(
        'redis',
        `a key that begins with ${key} in Redis has the wrong type, so another program wrote it: ` +
          'run TYPE on each of these keys to find it, then rename or delete it',
      )
    }
  })
}

type Pair = readonly [name: string, value: string]
type ClockFields = ReadonlyMap<string, ClockField | null>

function traitsOf(pairs: readonly Pair[], clockFields: ClockFields, erasedAt: number): TraitView[] {
  const traits = pairs.map(([name, stored]): TraitView => {
    const field = clockFields.get(name)
    const form = field?.form === 'j' ? 'j' : ''
    return { name, value: parseStored(stored, form), stored, form, clock: field?.clock ?? null }
  })
  return traits
    .filter(({ clock }) => erasedAt < 0 || (clock ?? NEVER) > erasedAt)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function removedOf(clockFields: ClockFields, erasedAt: number): RemovedView[] {
  return Array.from(clockFields)
    .flatMap(([name, field]) => (field?.form === 'x' ? [{ name, clock: field.clock }] : []))
    .filter(({ clock }) => clock > erasedAt)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** Another program may have stored what is not JSON: then the text itself is the value. */
function parseStored(stored: string, form: Form): unknown {
  return form === 'j' ? (parseJson(stored) ?? stored) : stored
}

/** @param scores user id, score, …; a score that another program wrote may be any number */
function userClocks(scores: readonly string[]): UserClock[] {
  return pairsOf(scores).map(([userId, score]) => ({ userId, clock: Number(score) }))
}

function groupClocks(scores: readonly string[]): GroupClock[] {
  return pairsOf(scores).map(([groupId, score]) => ({ groupId, clock: Number(score) }))
}
