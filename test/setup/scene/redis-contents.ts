/** What stands in Redis under the prefixes of a scene, and what should. */
import type { Redis } from 'ioredis'
import type { GroupState } from '../../../src/domain/merge/merge.ts'
import type { KeyPrefixes } from '../../../src/redis/keys.ts'
import { layoutOf, readKeys } from '../oracle/state-layout.ts'

/** key (whole) -> field or member -> value or score; a key of a foreign type has that type alone. */
export type Contents = ReadonlyMap<string, ReadonlyMap<string, string>>

/** Stands for what is in a key of a type that is none of ours. */
export const FOREIGN_TYPE = '(type)'

export function contentsOf(states: Iterable<GroupState>, prefixes: KeyPrefixes): Contents {
  const contents = new Map<string, ReadonlyMap<string, string>>()
  for (const [key, pairs] of Object.entries(layoutOf(states))) {
    contents.set(withPrefix(key, prefixes), new Map(pairs))
  }
  return contents
}

export async function readContents(redis: Redis, prefixes: KeyPrefixes): Promise<Contents> {
  const contents = new Map<string, ReadonlyMap<string, string>>()
  const keys = await findKeys(redis, prefixes)
  const types = await Promise.all(keys.map((key) => redis.type(key)))
  const ours = keys.filter((key, index) => {
    const type = types[index] ?? 'none'
    if (type === typeOf(key)) return true
    if (type !== 'none') contents.set(key, new Map([[FOREIGN_TYPE, type]]))
    return false
  })
  for (const [key, pairs] of Object.entries(await readKeys(redis, '', ours))) {
    contents.set(key, new Map(pairs))
  }
  return contents
}

/** Every key under the prefixes, sorted. */
export async function findKeys(
  redis: Redis,
  { groupPrefix, userPrefix }: KeyPrefixes,
): Promise<string[]> {
  const found = await Promise.all([redis.keys(`${groupPrefix}*`), redis.keys(`${userPrefix}*`)])
  return [...new Set(found.flat())].sort()
}

function withPrefix(key: string, { groupPrefix, userPrefix }: KeyPrefixes): string {
  return key.startsWith('user:')
    ? userPrefix + key.slice('user:'.length)
    : groupPrefix + key.slice('group:'.length)
}

function typeOf(key: string): 'hash' | 'zset' {
  return /:(members|left|groups)$/.test(key) ? 'zset' : 'hash'
}
