/**
 * Finds keys by SCAN, page by page, on every master. As SCAN does, a walk returns whatever exists
 * from its beginning to its end, possibly more than once.
 */
import type { Retry } from '../../pipeline/retry.ts'
import { askAtStart } from '../connection/ask.ts'
import type { RedisConnection } from '../connection/connection.ts'
import { masterClients } from '../connection/masters.ts'
import { clockKey, decodeId, groupsKey, leftKey, membersKey } from '../keys.ts'
import { pairsOf } from './layout.ts'
import { textOf } from './pages.ts'

const once: Retry = (attempt) => attempt()

/** What the keys of a group end with, and those of a user. */
const GROUP_SUFFIXES = ['', clockKey(''), membersKey(''), leftKey('')]
const USER_SUFFIXES = [groupsKey(''), leftKey('')]

/** The COUNT of a SCAN: how many keys it examines, not how many of them match. */
const PAGE_SIZE = 1000

/**
 * Walks through the keys that begin and end with these texts.
 *
 * @param type of the values; any type by default
 * @param retry is called for each command; by default none is retried
 * @throws NotRetriable, Unavailable
 */
export async function* walkKeys(
  connection: RedisConnection,
  start: string,
  end: string,
  { type, retry = once }: { type?: 'zset'; retry?: Retry } = {},
): AsyncGenerator<string[]> {
  const pattern = `${literally(start)}*${literally(end)}`
  const page = ['MATCH', pattern, 'COUNT', PAGE_SIZE, ...(type ? ['TYPE', type] : [])]
  const masters = () => askAtStart(connection, async () => masterClients(connection))
  for (const master of await retry(masters)) {
    let cursor = '0'
    do {
      const scan = () => master.callBuffer('SCAN', cursor, ...page)
      const reply = await retry(() => askAtStart(connection, scan))
      const [next, keys] = reply as [Buffer, Buffer[]]
      cursor = String(next)
      if (keys.length > 0) yield keys.map(textOf)
    } while (cursor !== '0')
  }
}

/**
 * Walks through the ids of all groups.
 *
 * @param suffixes a group counts if it has a key with any of these
 */
export async function* walkGroups(
  connection: RedisConnection,
  retry = once,
  suffixes: readonly string[] = GROUP_SUFFIXES,
): AsyncGenerator<string[]> {
  const start = `${connection.settings.groupPrefix}{`
  for await (const keys of walkKeys(connection, start, '', { retry })) {
    yield [...new Set(Array.from(idsIn(keys, start, suffixes), ([id]) => id))]
  }
}

/** An entry of the user index, as of when the walk read it. */
export interface IndexEntry {
  readonly userId: string
  readonly groupId: string
}

/** Walks through all entries of the user index. */
export async function* walkIndex(
  connection: RedisConnection,
  retry: Retry,
): AsyncGenerator<IndexEntry[]> {
  const start = `${connection.settings.userPrefix}{`
  for await (const keys of walkKeys(connection, start, '', { type: 'zset', retry })) {
    for (const [userId, key] of idsIn(keys, start, USER_SUFFIXES)) {
      for await (const groupIds of walkMembers(connection, key, retry)) {
        yield groupIds.map((groupId) => ({ userId, groupId }))
      }
    }
  }
}

/** All keys of a group, of which `groupKey` is the first. */
export function keysOfGroup(groupKey: string): string[] {
  return GROUP_SUFFIXES.map((suffix) => groupKey + suffix)
}

/** Decodes the id between these two texts of a key; `null` if it is not an encoded id. */
export function idWithin(key: string, start: string, end: string): string | null {
  return decodeId(key.slice(start.length, key.length - end.length))
}

/** Walks through the members of a sorted set. */
async function* walkMembers(
  connection: RedisConnection,
  key: string,
  retry: Retry,
): AsyncGenerator<string[]> {
  const { client } = connection
  let cursor = '0'
  do {
    const scan = () => client.zscanBuffer(key, cursor, 'COUNT', PAGE_SIZE)
    const [next, flat] = await retry(() => askAtStart(connection, scan))
    cursor = String(next)
    yield pairsOf(flat).map(([member]) => textOf(member))
  } while (cursor !== '0')
}

/** Decodes the id in each key. Keys that are not of this layout are left out. */
function* idsIn(
  keys: readonly string[],
  start: string,
  suffixes: readonly string[],
): Generator<[id: string, key: string]> {
  for (const key of keys) {
    const end = key.indexOf('}', start.length)
    const id = decodeId(key.slice(start.length, end))
    if (id !== null && id !== '' && suffixes.includes(key.slice(end + 1))) yield [id, key]
  }
}

/** Escapes what has a meaning in a pattern of SCAN. */
function literally(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&')
}
