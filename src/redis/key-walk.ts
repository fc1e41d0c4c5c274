/** Walks through all keys of some form, page by page, on every master. */
import { Cluster, type Redis } from 'ioredis'
import type { RedisConnection } from './connection.ts'
import { failureOf } from './failure.ts'
import { clockKey, decodeId, groupIdOf, type KeyPrefixes, leftKey, membersKey } from './keys.ts'

/** What the keys of a group end with. */
const SUFFIXES = [clockKey(''), membersKey(''), leftKey('')]

/** Of one SCAN: so many keys are looked at, most of which may be others. */
const PAGE_KEYS = 1000

/**
 * Pages of keys that begin and end with these texts. A key that is there all the while comes
 * once or more often.
 *
 * @param type of the value; any where it is left out
 * @throws Unavailable
 */
export async function* walkKeys(
  connection: RedisConnection,
  start: string,
  end: string,
  type?: 'zset',
): AsyncGenerator<string[]> {
  await connection.opened
  const pattern = `${literally(start)}*${literally(end)}`
  try {
    for (const master of mastersOf(connection)) {
      let cursor = '0'
      do {
        const page = [cursor, 'MATCH', pattern, 'COUNT', PAGE_KEYS] as const
        const [next, keys] = await (type
          ? master.scan(...page, 'TYPE', type)
          : master.scan(...page))
        cursor = next
        if (keys.length > 0) yield keys
      } while (cursor !== '0')
    }
  } catch (error) {
    throw failureOf(error, connection.lastError)
  }
}

/** Pages of the ids of groups that have a key under the prefix; an id may come several times. */
export async function* walkGroups(connection: RedisConnection): AsyncGenerator<string[]> {
  const { settings } = connection
  for await (const keys of walkKeys(connection, `${settings.groupPrefix}{`, '')) {
    const ids = keys.map((key) => groupIdOfAny(settings, key)).filter((id) => id !== null)
    yield [...new Set(ids)]
  }
}

/** All that can stand of a group, by the key of its traits. */
export function keysOfGroup(groupKey: string): string[] {
  return [groupKey, ...SUFFIXES.map((suffix) => groupKey + suffix)]
}

/** The group to which the key belongs; `null` where that is none. */
function groupIdOfAny(prefixes: KeyPrefixes, key: string): string | null {
  const suffix = SUFFIXES.find((each) => key.endsWith(each)) ?? ''
  return groupIdOf(prefixes, key.slice(0, key.length - suffix.length))
}

/** The id between start and end of the key; `null` where none stands there. */
export function idWithin(key: string, start: string, end: string): string | null {
  return decodeId(key.slice(start.length, key.length - end.length))
}

export function mastersOf({ client }: RedisConnection): Redis[] {
  return client instanceof Cluster ? client.nodes('master') : [client as Redis]
}

function literally(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&')
}
