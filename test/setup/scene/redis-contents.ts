/** The contents of Redis under the key prefixes of a scene: the expected and the actual ones. */
import type { Redis } from 'ioredis'
import type { GroupState } from '../../../src/domain/merge/merge.ts'
import type { KeyPrefixes } from '../../../src/redis/keys.ts'
import { layoutOf, readKeys } from '../oracle/state-layout.ts'

/** full key -> field or member -> value or score; for a key of a wrong type: WRONG_TYPE -> type */
export type Contents = ReadonlyMap<string, ReadonlyMap<string, string>>

/** The only field of a key whose type is none of ours. */
export const WRONG_TYPE = '(type)'

export function expectedContents(states: Iterable<GroupState>, prefixes: KeyPrefixes): Contents {
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
    if (type !== 'none') contents.set(key, new Map([[WRONG_TYPE, type]]))
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
