/** Walks through all that Redis holds of groups and users, on a Cluster through every master. */
import { Cluster, type Redis } from 'ioredis'
import type { RedisConnection } from './connection.ts'
import { decodeId } from './keys.ts'
import type { RedisClient } from './scripts.ts'
import { asking } from './state-reader.ts'
import { textOf } from './state-reader-pages.ts'

/** Repeats what fails as long as there is hope. */
export type Patience = <Answer>(ask: () => Promise<Answer>) => Promise<Answer>

/** An entry of the user index, at least as it stood when the walk came by. */
export interface IndexEntry {
  readonly userId: string
  readonly groupId: string
}

/** Ids of groups with any of these keys in Redis, some of them more than once. */
export async function* walkGroups(
  connection: RedisConnection,
  patience: Patience,
  suffixes = GROUP_KEYS,
): AsyncGenerator<string[]> {
  const askPatiently = patiently(connection, patience)
  const { groupPrefix } = connection.settings
  for (const node of mastersOf(connection)) {
    for await (const keys of walkKeys(node, groupPrefix, [], askPatiently)) {
      yield Array.from(idsIn(keys, groupPrefix, suffixes), ([id]) => id)
    }
  }
}

/** All entries of the user index, some of them more than once. */
export async function* walkIndex(
  connection: RedisConnection,
  patience: Patience,
): AsyncGenerator<IndexEntry[]> {
  const askPatiently = patiently(connection, patience)
  const { userPrefix } = connection.settings
  for (const node of mastersOf(connection)) {
    for await (const keys of walkKeys(node, userPrefix, ['TYPE', 'zset'], askPatiently)) {
      for (const [userId, key] of idsIn(keys, userPrefix, USER_KEYS)) {
        for await (const groupIds of walkMembers(connection.client, key, askPatiently)) {
          yield groupIds.map((groupId) => ({ userId, groupId }))
        }
      }
    }
  }
}

const GROUP_KEYS = ['', ':clock', ':members', ':left']
const USER_KEYS = [':groups', ':left']
const PAGE_SIZE = 1000

function patiently(connection: RedisConnection, patience: Patience): Patience {
  return (ask) => patience(() => asking(connection, ask))
}

function mastersOf({ client }: RedisConnection): Redis[] {
  return client instanceof Cluster ? client.nodes('master') : [client as Redis]
}

async function* walkKeys(
  node: Redis,
  prefix: string,
  further: readonly string[],
  patience: Patience,
): AsyncGenerator<string[]> {
  const pattern = `${prefix.replaceAll(/[\\*?[\]]/g, '\\$&')}{*}*`
  const page = ['MATCH', pattern, 'COUNT', PAGE_SIZE, ...further]
  let cursor = '0'
  do {
    const reply = await patience(() => node.callBuffer('SCAN', cursor, ...page))
    const [next, keys] = reply as [Buffer, Buffer[]]
    cursor = String(next)
    if (keys.length > 0) yield keys.map(textOf)
  } while (cursor !== '0')
}

async function* walkMembers(
  client: RedisClient,
  key: string,
  patience: Patience,
): AsyncGenerator<string[]> {
  let cursor = '0'
  do {
    const [next, flat] = await patience(() => client.zscanBuffer(key, cursor, 'COUNT', PAGE_SIZE))
    cursor = String(next)
    yield flat.filter((_, i) => i % 2 === 0).map(textOf)
  } while (cursor !== '0')
}

/** The ids that these keys are of, with the key; keys that are not of this layout are left out. */
function* idsIn(
  keys: readonly string[],
  prefix: string,
  suffixes: readonly string[],
): Generator<[id: string, key: string]> {
  for (const key of keys) {
    const end = key.indexOf('}')
    const id = decodeId(key.slice(prefix.length + 1, end))
    if (id !== null && id !== '' && suffixes.includes(key.slice(end + 1))) yield [id, key]
  }
}
