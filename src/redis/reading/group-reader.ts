/** Reads the state of groups and users, for people and programs. */
import type { Form } from '../../domain/json/stored-value.ts'
import { NotRetriable } from '../../pipeline/errors.ts'
import type { RedisConnection } from '../connection/connection.ts'
import { codeOf } from '../connection/failure.ts'
import { startFailureOf } from '../connection/server-check.ts'
import { groupKey, groupsKey, leftKey, userKey } from '../keys.ts'

export interface GroupView {
  readonly groupId: string
  /** By name, in the order of their UTF-16 units. */
  readonly traits: readonly TraitView[]
  /** Traits that were removed, remembered so that an older event cannot bring them back. */
  readonly removed: readonly RemovedView[]
  /** The latest first; at most as many as asked for, of `memberCount`. */
  readonly members: readonly UserClock[]
  readonly memberCount: number
  /** Users who left, likewise. */
  readonly left: readonly UserClock[]
  readonly leftCount: number
  /** The latest clock of all in microseconds; -1 where a foreign hand took it away. */
  readonly latest: number
  /** As of when the group was erased, in microseconds; -1: never. */
  readonly erasedAt: number
}

export interface TraitView {
  readonly name: string
  /** The string, or the parsed JSON (numbers as JavaScript has them). */
  readonly value: unknown
  /** What is stored, to the last digit. */
  readonly stored: string
  readonly form: Exclude<Form, 'x'>
  /** Event time in microseconds; `null` for a field that was not written by this program. */
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
  /** The latest first; at most as many as asked for, of `groupCount`. */
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
 * What is known of the group, all as of one moment; what was erased is not shown. `null` where
 * nothing ever was. After an erasure only `latest` and `erasedAt` tell anything.
 *
 * @param maxUsers how many members, and how many who left, at most
 * @throws Unavailable; NotRetriable where a key of the group is of a foreign type
 */
export async function readGroup(
  connection: RedisConnection,
  groupId: string,
  maxUsers = 1000,
): Promise<GroupView | null> {
  const key = groupKey(connection.settings, groupId)
  const [traits, clocks, members, memberCount, left, leftCount] = await ask(connection, key, () =>
    connection.client.readGroup(key, maxUsers),
  )
  if (traits.length + clocks.length + memberCount + leftCount === 0) return null

  const stamps = new Map(pairs(clocks))
  const head = stamps.get('') ?? ''
  stamps.delete('')
  const erasedAt = clockOf(head.slice(16)) ?? -1
  const toUser = ([userId, score]: Pair): UserClock => ({ userId, clock: Number(score) })
  return {
    groupId,
    traits: traitsOf(pairs(traits), stamps, erasedAt),
    removed: removedOf(stamps, erasedAt),
    members: pairs(members).map(toUser),
    memberCount,
    left: pairs(left).map(toUser),
    leftCount,
    latest: clockOf(head.slice(0, 16)) ?? -1,
    erasedAt,
  }
}

/**
 * The groups of a user, all as of one moment; `null` where there are none, nor any left.
 *
 * @param maxGroups how many groups, and how many that the user left, at most
 * @throws Unavailable; NotRetriable where a key of the user is of a foreign type
 */
export async function readUser(
  connection: RedisConnection,
  userId: string,
  maxGroups = 1000,
): Promise<UserView | null> {
  const key = userKey(connection.settings, userId)
  const [groups, groupCount, left, leftCount] = await ask(connection, key, () =>
    connection.client.readUser(groupsKey(key), leftKey(key), maxGroups),
  )
  if (groupCount + leftCount === 0) return null
  const toGroup = ([groupId, score]: Pair): GroupClock => ({ groupId, clock: Number(score) })
  return {
    userId,
    groups: pairs(groups).map(toGroup),
    groupCount,
    left: pairs(left).map(toGroup),
    leftCount,
  }
}

async function ask<Reply>(
  connection: RedisConnection,
  key: string,
  read: () => Promise<Reply>,
): Promise<Reply> {
  await connection.opened
  try {
    return await read()
  } catch (error) {
    if (error instanceof Error && codeOf(error) === 'WRONGTYPE') {
      throw new NotRetriable(
        'redis',
        `a key of another program stands at ${key}… in Redis: look there with TYPE`,
      )
    }
    throw startFailureOf(connection, connection.ready ? error : (connection.lastError ?? error))
  }
}

function traitsOf(
  fields: readonly Pair[],
  stamps: ReadonlyMap<string, string>,
  erasedAt: number,
): TraitView[] {
  const traits = fields.map(([name, stored]): TraitView => {
    const stamp = stamps.get(name) ?? ''
    const form = stamp.endsWith('j') ? 'j' : ''
    return { name, value: parseStored(stored, form), stored, form, clock: clockOf(stamp) }
  })
  return traits
    .filter(({ clock }) => erasedAt < 0 || (clock ?? -1) > erasedAt)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function removedOf(stamps: ReadonlyMap<string, string>, erasedAt: number): RemovedView[] {
  return Array.from(stamps, ([name, stamp]) => ({ name, stamp, clock: clockOf(stamp) ?? -1 }))
    .filter(({ stamp, clock }) => stamp.endsWith('x') && clock > erasedAt)
    .map(({ name, clock }) => ({ name, clock }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** A foreign hand may have put there what is no JSON: then it is shown as the text it is. */
function parseStored(stored: string, form: Form): unknown {
  if (form !== 'j') return stored
  try {
    return JSON.parse(stored)
  } catch {
    return stored
  }
}

function clockOf(stamp: string): number | null {
  return /^\d{16}[jx]?$/.test(stamp) ? Number(stamp.slice(0, 16)) : null
}

type Pair = [first: string, second: string]

function pairs(flat: readonly string[]): Pair[] {
  const list: Pair[] = []
  for (let i = 0; i < flat.length; i += 2) list.push([flat[i] ?? '', flat[i + 1] ?? ''])
  return list
}
