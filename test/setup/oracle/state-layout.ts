/** The keys and values in Redis for the states of groups: as expected, and as read. */

import { formOf, textOf } from '../../../src/domain/json/stored-value.ts'
import type { GroupState } from '../../../src/domain/merge/merge.ts'
import type { RedisConnection } from '../../../src/redis/connection/connection.ts'
import { GROUP_IDS, USER_IDS } from './arrangements.ts'

/** key -> pairs of field (or member) and value (or score), in order; missing keys are left out */
export type Layout = Record<string, [string, string][]>

/** Ids as they are encoded in keys, written by hand; any other id is unchanged. */
const ENCODED_IDS = new Map<string, string>([
  ['account123', 'account123'],
  ['} {%\u0001é', '%7D %7B%25%01é'],
  ['__proto__', '__proto__'],
  ['user123', 'user123'],
  ['{u}%\u0085', '%7Bu%7D%25%C2%85'],
  ['constructor', 'constructor'],
  ['😀', '😀'],
])

/** Returns what Redis must hold for these states. */
export function layoutOf(states: Iterable<GroupState>, hasUserIndex = true): Layout {
  const keys = new Map<string, Map<string, string>>()
  const put = (key: string, field: string, value: string) => {
    const content = keys.get(key) ?? new Map()
    keys.set(key, content.set(field, value))
  }
  for (const { groupId, latest, erasedAt, traits, users } of states) {
    const key = `group:{${inKeys(groupId)}}`
    put(`${key}:clock`, '', digits(latest) + (erasedAt < 0 ? '' : digits(erasedAt)))
    for (const [name, { clock, value }] of traits) {
      if (value !== null) put(key, name, textOf(value))
      put(`${key}:clock`, name, digits(clock) + formOf(value))
    }
    for (const [userId, { clock, member }] of users) {
      put(`${key}:${member ? 'members' : 'left'}`, userId, String(clock))
      if (!hasUserIndex) continue
      put(`user:{${inKeys(userId)}}:${member ? 'groups' : 'left'}`, groupId, String(clock))
    }
  }
  return sorted(Array.from(keys, ([key, content]) => [key, [...content]]))
}

/** Reads the keys of all groups and users of the arbitrary events. */
export function readLayout(connection: RedisConnection): Promise<Layout> {
  return readKeys(connection.client, prefixOf(connection), allKeys())
}

/** Reads these keys, each with the prefix, by plain commands. */
export async function readKeys(
  client: Pick<RedisConnection['client'], 'call'>,
  prefix: string,
  keys: readonly string[],
): Promise<Layout> {
  const contents = keys.map(async (key): Promise<[string, [string, string][]]> => {
    const reply = await (/:(members|left|groups)$/.test(key)
      ? client.call('ZRANGE', prefix + key, 0, -1, 'WITHSCORES')
      : client.call('HGETALL', prefix + key))
    return [key, pairs((reply as string[]).flat())] // RESP3 pairs scores with their members
  })
  return sorted((await Promise.all(contents)).filter(([, content]) => content.length > 0))
}

export async function deleteLayout(connection: RedisConnection): Promise<void> {
  await Promise.all(allKeys().map((key) => connection.client.del(prefixOf(connection) + key)))
}

/** Returns the same connection with other key prefixes: `PREFIXgroup:{ID}`. */
export function withPrefix(connection: RedisConnection, prefix: string): RedisConnection {
  const prefixes = { groupPrefix: `${prefix}group:`, userPrefix: `${prefix}user:` }
  return { ...connection, settings: { ...connection.settings, ...prefixes } }
}

function prefixOf({ settings }: RedisConnection): string {
  return settings.groupPrefix.slice(0, -'group:'.length)
}

function allKeys(): string[] {
  const ofGroups = GROUP_IDS.flatMap((id) => {
    const key = `group:{${inKeys(id)}}`
    return [key, `${key}:clock`, `${key}:members`, `${key}:left`]
  })
  const ofUsers = USER_IDS.flatMap((id) => {
    const key = `user:{${inKeys(id)}}`
    return [`${key}:groups`, `${key}:left`]
  })
  return [...ofGroups, ...ofUsers]
}

function sorted(entries: [string, [string, string][]][]): Layout {
  const byFirst = (a: [string, unknown], b: [string, unknown]) => (a[0] < b[0] ? -1 : 1)
  for (const [, content] of entries) content.sort(byFirst)
  return Object.fromEntries(entries.sort(byFirst))
}

function pairs(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [
    String(flat[2 * i]),
    String(flat[2 * i + 1]),
  ])
}

function inKeys(id: string): string {
  return ENCODED_IDS.get(id) ?? id
}

function digits(clock: number): string {
  return String(clock).padStart(16, '0')
}
