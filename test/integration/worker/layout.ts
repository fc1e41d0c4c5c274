/** What must stand in Redis for states of groups, and what stands there, under one prefix. */
import type { Redis } from 'ioredis'
import type { GroupState } from '../../../src/domain/merge.ts'
import { formOf, textOf } from '../../../src/domain/stored-value.ts'

/** Key and content, both in order. */
export type Layout = [string, [string, string][]][]

type Prefixes = Readonly<Record<string, string>>

/** For ids that stand in keys as they are. */
export function layoutOf(states: Iterable<GroupState>, prefixes: Prefixes): Layout {
  const keys = new Map<string, [string, string][]>()
  const put = (key: string, field: string, value: string) => {
    keys.set(key, [...(keys.get(key) ?? []), [field, value]])
  }
  for (const { groupId, latest, traits, users } of states) {
    const key = `${prefixes.REDIS_GROUP_PREFIX}{${groupId}}`
    put(`${key}:clock`, '', digits(latest))
    for (const [name, { clock, value }] of traits) {
      put(`${key}:clock`, name, digits(clock) + formOf(value))
      if (value !== null) put(key, name, textOf(value))
    }
    for (const [userId, { clock, member }] of users) {
      put(`${key}:${member ? 'members' : 'left'}`, userId, String(clock))
      const userKey = `${prefixes.REDIS_USER_PREFIX}{${userId}}`
      put(`${userKey}:${member ? 'groups' : 'left'}`, groupId, String(clock))
    }
  }
  return inOrder([...keys])
}

export async function readLayout(redis: Redis, prefixes: Prefixes): Promise<Layout> {
  const layout: Layout = []
  for (const prefix of [prefixes.REDIS_GROUP_PREFIX, prefixes.REDIS_USER_PREFIX]) {
    for (const key of await redis.keys(`${prefix}*`)) {
      const isSet = /:(members|left|groups)$/.test(key)
      const flat = isSet
        ? await redis.zrange(key, '0', '-1', 'WITHSCORES')
        : Object.entries(await redis.hgetall(key)).flat()
      const pairs = flat.flatMap((field, i): [string, string][] =>
        i % 2 === 0 ? [[field, flat[i + 1] ?? '']] : [],
      )
      layout.push([key, pairs])
    }
  }
  return inOrder(layout)
}

function inOrder(layout: Layout): Layout {
  const byFirst = (a: [string, unknown], b: [string, unknown]) => (a[0] < b[0] ? -1 : 1)
  return layout.map(([key, pairs]): Layout[0] => [key, pairs.sort(byFirst)]).sort(byFirst)
}

const digits = (clock: number) => String(clock).padStart(16, '0')
