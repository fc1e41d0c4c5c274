/** Hashes and sorted sets, two of one slot at a time, in pages where they are large. */
import { isUtf8 } from 'node:buffer'
import type { RedisClient } from '../lua/scripts.ts'

/** How many entries a command is asked for. */
export interface PageSizes {
  readonly fields: number
  readonly users: number
}

type Two<Item> = readonly [Item, Item]

/**
 * Field → value of both hashes. What fits one page is as of one moment; of larger ones, the
 * same field of both is.
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
      for (let at = 0; at < flat.length; at += 2) names.set(flat[at]!.toString('latin1'), flat[at]!)
    }
  }
  return both(await readFields(client, keys, [...names.values()], pageSize))
}

/** Member → score of both sorted sets, as texts. */
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
 * The text of bytes from Redis. What is no UTF-8, and so from a foreign hand, gets a lone
 * surrogate, which no text of ours has: it equals nothing.
 */
export function textOf(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString() : `\uD800${bytes.toString('latin1')}`
}

/** Commands that share a slot, sent and, as a rule, carried out in one go. */
async function inOneGo(
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

function scanning(client: RedisClient, command: string, pageSize: number) {
  const ask = async (asked: readonly (readonly [key: string, cursor: string])[]) => {
    const commands = asked.map((each) => [command, ...each, 'COUNT', pageSize] as const)
    return (await inOneGo(client, commands)) as Page[]
  }
  return {
    /** The first page of each, in one go. */
    first: (keys: readonly string[]) => ask(keys.map((key) => [key, '0'])),
    async *all(key: string, first: Page): AsyncGenerator<Buffer[]> {
      for (let page = first; ; page = (await ask([[key, String(page[0])]]))[0]!) {
        yield page[1]
        if (isLast(page)) return
      }
    },
  }
}

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
    const replies = (await inOneGo(client, commands)) as (Buffer | null)[][]
    for (const [i, values] of replies.entries()) {
      for (const [at, value] of values.entries()) {
        if (value !== null) contents[i]!.set(textOf(page[at]!), textOf(value))
      }
    }
  }
  return contents
}

function textsOf(flat: readonly Buffer[]): Map<string, string> {
  const texts = new Map<string, string>()
  for (let at = 0; at < flat.length; at += 2) texts.set(textOf(flat[at]!), textOf(flat[at + 1]!))
  return texts
}

function both<Item>(items: readonly Item[]): Two<Item> {
  return [items[0]!, items[1]!]
}
