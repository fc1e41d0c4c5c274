/** Walks through all keys of some form, page by page, on every master. */
import type { RedisConnection } from '../connection/connection.ts'
import { masterClients } from '../connection/masters.ts'
import { clockKey, decodeId, groupsKey, leftKey, membersKey } from '../keys.ts'
import { textOf } from './pages.ts'
import { asking } from './state-reader.ts'

/** Repeats what fails as long as there is hope. */
export type Retry = <Answer>(ask: () => Promise<Answer>) => Promise<Answer>

const once: Retry = (ask) => ask()

/** What the keys of a group, and those of a user, end with. */
const GROUP_KEYS = ['', clockKey(''), membersKey(''), leftKey('')]
const USER_KEYS = [groupsKey(''), leftKey('')]

/** Of one SCAN: so many keys are looked at, most of which may be others. */
const PAGE_SIZE = 1000

/**
 * Pages of keys that begin and end with these texts. A key that is there all the while comes
 * once or more often.
 *
 * @param type of the value; any where it is left out
 * @throws NotRetriable, Unavailable
 */
export async function* walkKeys(
  connection: RedisConnection,
  start: string,
  end: string,
  { type, patience = once }: { type?: 'zset'; patience?: Retry } = {},
): AsyncGenerator<string[]> {
  const ask: Retry = (question) => patience(() => asking(connection, question))
  const pattern = `${literally(start)}*${literally(end)}`
  const page = ['MATCH', pattern, 'COUNT', PAGE_SIZE, ...(type ? ['TYPE', type] : [])]
  for (const master of await ask(async () => masterClients(connection))) {
    let cursor = '0'
    do {
      const reply = await ask(() => master.callBuffer('SCAN', cursor, ...page))
      const [next, keys] = reply as [Buffer, Buffer[]]
      cursor = String(next)
      if (keys.length > 0) yield keys.map(textOf)
    } while (cursor !== '0')
  }
}

/** Pages of the ids of groups that have any of these keys; an id may come several times. */
export async function* walkGroups(
  connection: RedisConnection,
  patience = once,
  suffixes: readonly string[] = GROUP_KEYS,
): AsyncGenerator<string[]> {
  const start = `${connection.settings.groupPrefix}{`
  for await (const keys of walkKeys(connection, start, '', { patience })) {
    yield [...new Set(Array.from(idsIn(keys, start, suffixes), ([id]) => id))]
  }
}

/** An entry of the user index, at least as it stood when the walk came by. */
export interface IndexEntry {
  readonly userId: string
  readonly groupId: string
}

/** All entries of the user index, some of them more than once. */
export async function* walkIndex(
  connection: RedisConnection,
  patience: Retry,
): AsyncGenerator<IndexEntry[]> {
  const start = `${connection.settings.userPrefix}{`
  for await (const keys of walkKeys(connection, start, '', { type: 'zset', patience })) {
    for (const [userId, key] of idsIn(keys, start, USER_KEYS)) {
      for await (const groupIds of walkMembers(connection, key, patience)) {
        yield groupIds.map((groupId) => ({ userId, groupId }))
      }
    }
  }
}

/** All that can stand of a group, by the key of its traits. */
export function keysOfGroup(groupKey: string): string[] {
  return GROUP_KEYS.map((suffix) => groupKey + suffix)
}

/** The id between start and end of the key; `null` where none stands there. */
export function idWithin(key: string, start: string, end: string): string | null {
  return decodeId(key.slice(start.length, key.length - end.length))
}

async function* walkMembers(
  connection: RedisConnection,
  key: string,
  patience: Retry,
): AsyncGenerator<string[]> {
  const { client } = connection
  let cursor = '0'
  do {
    const page = () => client.zscanBuffer(key, cursor, 'COUNT', PAGE_SIZE)
    const [next, flat] = await patience(() => asking(connection, page))
    cursor = String(next)
    yield flat.filter((_, i) => i % 2 === 0).map(textOf)
  } while (cursor !== '0')
}

/** The ids that these keys are of, with the key; keys that are not of this layout are left out. */
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

function literally(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&')
}
