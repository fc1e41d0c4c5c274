/** Reads hashes and sorted sets, two keys of one slot at a time; large ones page by page. */
import { isUtf8 } from 'node:buffer'
import type { RedisClient } from '../lua/scripts.ts'
import { pairsOf } from './layout.ts'

/** How many entries one command asks for. */
export interface PageSizes {
  readonly fields: number
  readonly users: number
}

type Two<Item> = readonly [Item, Item]

/**
 * Reads two hashes: field → value. If both fit in one page, they are read as of one moment;
 * otherwise each field is read from both hashes at the same moment.
 */
export async function readHashes(
  client: RedisClient,
  keys: Two<string>,
  pageSize: number,
): Promise<Two<Map<string, string>>> {
  const scan = scanning(client, 'hscanBuffer', pageSize)
  const pages = await scan.first(keys)
  if (pages.every(isLast)) return both(pages.map(([, flat]) => textsOf(flat)))

  const names = new Map<string, Buffer>()
  for (const [i, key] of keys.entries()) {
    for await (const flat of scan.all(key, pages[i]!)) {
      for (const [name] of pairsOf(flat)) names.set(name.toString('latin1'), name)
    }
  }
  return both(await readFields(client, keys, [...names.values()], pageSize))
}

/** Reads two sorted sets: member → score, as texts. */
export async function readScores(
  client: RedisClient,
  keys: Two<string>,
  pageSize: number,
): Promise<Two<Map<string, string>>> {
  const scan = scanning(client, 'zscanBuffer', pageSize)
  const pages = await scan.first(keys)
  const contents = keys.map(async (key, i) => {
    const content = new Map<string, string>()
    for await (const flat of scan.all(key, pages[i]!)) {
      for (const [member, score] of textsOf(flat)) content.set(member, score)
    }
    return content
  })
  return both(await Promise.all(contents))
}

/**
 * Decodes bytes from Redis. Bytes that are not UTF-8 come from another program: their text begins
 * with a lone surrogate, which no text of ours contains, so it never equals one.
 */
export function textOf(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString() : `\uD800${bytes.toString('latin1')}`
}

/** Sends commands of one slot in one pipeline. Redis usually runs them without others between. */
async function sendTogether(
  client: RedisClient,
  commands: readonly (readonly [name: string, ...args: (string | number | Buffer)[]])[],
): Promise<unknown[]> {
  const pipeline = client.pipeline(commands.map((command) => [...command]))
  const replies = (await pipeline.exec()) ?? []
  return replies.map(([error, reply]) => {
    if (error !== null) throw error
    return reply
  })
}

type Page = readonly [cursor: Buffer, flat: Buffer[]]

const isLast = ([cursor]: Page) => String(cursor) === '0'

/** Scans keys with HSCAN or ZSCAN. */
function scanning(client: RedisClient, command: 'hscanBuffer' | 'zscanBuffer', pageSize: number) {
  const scan = async (from: readonly (readonly [key: string, cursor: string])[]) => {
    const commands = from.map((each) => [command, ...each, 'COUNT', pageSize] as const)
    return (await sendTogether(client, commands)) as Page[]
  }
  return {
    /** The first page of each key, in one pipeline. */
    first: (keys: readonly string[]) => scan(keys.map((key) => [key, '0'])),
    async *all(key: string, first: Page): AsyncGenerator<Buffer[]> {
      for (let page = first; ; page = (await scan([[key, String(page[0])]]))[0]!) {
        yield page[1]
        if (isLast(page)) return
      }
    },
  }
}

/** Reads the same fields of both hashes, page by page. */
async function readFields(
  client: RedisClient,
  keys: Two<string>,
  names: readonly Buffer[],
  pageSize: number,
): Promise<Map<string, string>[]> {
  const contents = keys.map(() => new Map<string, string>())
  for (let from = 0; from < names.length; from += pageSize) {
    const page = names.slice(from, from + pageSize)
    const commands = keys.map((key) => ['hmgetBuffer', key, ...page] as const)
    const replies = (await sendTogether(client, commands)) as (Buffer | null)[][]
    for (const [i, values] of replies.entries()) {
      for (const [at, value] of values.entries()) {
        if (value !== null) contents[i]!.set(textOf(page[at]!), textOf(value))
      }
    }
  }
  return contents
}

function textsOf(flat: readonly Buffer[]): Map<string, string> {
  return new Map(pairsOf(flat).map(([name, value]) => [textOf(name), textOf(value)]))
}

function both<Item>(items: readonly Item[]): Two<Item> {
  return [items[0]!, items[1]!]
}
