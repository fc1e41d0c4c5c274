/** What stands in Redis for states of groups: as it must be, and as it is. */
import type { GroupState } from '../../src/domain/merge.ts'
import { formOf, textOf } from '../../src/domain/stored-value.ts'
import type { RedisConnection } from '../../src/redis/connection.ts'
import { GROUP_IDS, USER_IDS } from './arrangements.ts'

/** key -> content, flat pairs in the order of their first; keys that do not exist are left out */
export type Layout = Record<string, [string, string][]>

/** Ids as they stand in keys, written out by hand. */
const IN_KEYS = new Map<string, string>([
  ['account123', 'account123'],
  ['} {%\u0001é', '%7D %7B%25%01é'],
  ['__proto__', '__proto__'],
  ['user123', 'user123'],
  ['{u}%\u0085', '%7Bu%7D%25%C2%85'],
  ['constructor', 'constructor'],
  ['😀', '😀'],
])

export function layoutOf(states: Iterable<GroupState>, hasUserIndex = true): Layout {
  const keys = new Map<string, Map<string, string>>()
  const put = (key: string, field: string, value: string) => {
    const content = keys.get(key) ?? new Map()
    keys.set(key, content.set(field, value))
  }
  for (const { groupId, latest, erasedAt, traits, users } of states) {
    const key = `group:{${IN_KEYS.get(groupId)}}`
    put(`${key}:clock`, '', digits(latest) + (erasedAt < 0 ? '' : digits(erasedAt)))
    for (const [name, { clock, value }] of traits) {
      if (value !== null) put(key, name, textOf(value))
      put(`${key}:clock`, name, digits(clock) + formOf(value))
    }
    for (const [userId, { clock, member }] of users) {
      put(`${key}:${member ? 'members' : 'left'}`, userId, String(clock))
      if (!hasUserIndex) continue
      put(`user:{${IN_KEYS.get(userId)}}:${member ? 'groups' : 'left'}`, groupId, String(clock))
    }
  }
  return sorted(Array.from(keys, ([key, content]) => [key, [...content]]))
}

/** Reads the keys of all groups and users there can be, with plain commands. */
export async function readLayout(connection: RedisConnection): Promise<Layout> {
  const contents = allKeys().map(async ({ key, isHash }): Promise<[string, [string, string][]]> => {
    const prefixed = prefixOf(connection) + key
    const flat = await (isHash
      ? connection.client.call('HGETALL', prefixed)
      : connection.client.call('ZRANGE', prefixed, 0, -1, 'WITHSCORES'))
    return [key, pairs(flat as string[])]
  })
  return sorted((await Promise.all(contents)).filter(([, content]) => content.length > 0))
}

export async function deleteLayout(connection: RedisConnection): Promise<void> {
  await Promise.all(allKeys().map(({ key }) => connection.client.del(prefixOf(connection) + key)))
}

/** The same connection with other keys: `PREFIXgroup:{ID}`. */
export function withPrefix(connection: RedisConnection, prefix: string): RedisConnection {
  const prefixes = { groupPrefix: `${prefix}group:`, userPrefix: `${prefix}user:` }
  return { ...connection, settings: { ...connection.settings, ...prefixes } }
}

function prefixOf({ settings }: RedisConnection): string {
  return settings.groupPrefix.slice(0, -'group:'.length)
}

function allKeys(): { key: string; isHash: boolean }[] {
  const ofGroup = GROUP_IDS.flatMap((id) => {
    const key = `group:{${IN_KEYS.get(id)}}`
    return [
      { key, isHash: true },
      { key: `${key}:clock`, isHash: true },
      { key: `${key}:members`, isHash: false },
      { key: `${key}:left`, isHash: false },
    ]
  })
  const ofUser = USER_IDS.flatMap((id) => {
    const key = `user:{${IN_KEYS.get(id)}}`
    return [
      { key: `${key}:groups`, isHash: false },
      { key: `${key}:left`, isHash: false },
    ]
  })
  return [...ofGroup, ...ofUser]
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

function digits(clock: number): string {
  return String(clock).padStart(16, '0')
}
