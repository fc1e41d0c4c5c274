/**
 * The marks in Redis, `group-traits:applied:{TOPIC}:CONSUMERGROUP`: a hash, partition → next
 * offset. On a Cluster each master can lose writes by itself, so each has marks of its own:
 * `{TOPIC#1}` and so on, the first of them whose slot it serves; the least counts.
 */
import { Cluster } from 'ioredis'
import { Refused, Unavailable } from '../pipeline/outage.ts'
import type { AppliedMarks, Mark } from '../pipeline/ports.ts'
import type { RedisConnection } from './connection.ts'
import { codeOf, failureOf } from './failure.ts'
import { marksKey, pauseKey } from './keys.ts'
import type { RedisClient } from './scripts.ts'
import { slotOf } from './slots.ts'

/** @param consumerGroup whose workers' marks these are, as Kafka knows it */
export function openAppliedMarks(
  connection: RedisConnection,
  topic: string,
  consumerGroup: string,
): AppliedMarks {
  const { client } = connection
  const pause = pauseKey(topic, consumerGroup)
  const keys = () => keysOfMasters(client, (part) => marksKey(topic, consumerGroup, part))

  const read = async (): Promise<Map<number, Mark>> => {
    const all = keys()
    const hashes = await Promise.all(all.map((key) => client.hgetall(key)))
    const partitions = new Set(hashes.flatMap((hash) => Object.keys(hash)))
    return new Map(
      Array.from(partitions, (partition) => {
        const texts = hashes.map((hash) => hash[partition])
        return [Number(partition), markOf(all, texts)]
      }),
    )
  }

  const compareAndSet = async (
    partition: number,
    seen: Mark | undefined,
    next: bigint,
  ): Promise<Mark | undefined> => {
    const all = keys()
    for (const [i, key] of all.entries()) {
      const before = seen?.parts.get(key)?.toString() ?? ''
      // the pause has the slot of the first key only
      const gate = i === 0 ? pause : key.concat(':none')
      const outcome = await client.advanceMark(key, gate, partition, before, String(next))
      if (outcome === 'paused') {
        throw new Unavailable(
          'redis',
          'the workers are paused while a rebuild puts groups in place',
        )
      }
      if (outcome !== 'set') return undefined
    }
    return { next, parts: new Map(all.map((key) => [key, next])) }
  }

  const guarded = async <Result>(ask: () => Promise<Result>): Promise<Result> => {
    await connection.opened
    try {
      return await ask()
    } catch (error) {
      if (error instanceof Error && codeOf(error) === 'WRONGTYPE') throw foreign(keys())
      throw failureOf(error, connection.lastError)
    }
  }

  return {
    read: () => guarded(read),
    compareAndSet: (...args) => guarded(() => compareAndSet(...args)),
  }
}

/** One key for each master; one in all where there is no Cluster. */
function keysOfMasters(client: RedisClient, keyOf: (part: number) => string): string[] {
  if (!(client instanceof Cluster)) return [keyOf(0)]
  const keys: string[] = []
  const missing = new Set(client.slots.flatMap((nodes) => nodes?.[0] ?? []))
  for (let part = 0; missing.size > 0 && part < MAX_PARTS; part++) {
    const key = keyOf(part)
    const master = client.slots[slotOf(key)]?.[0]
    if (part === 0 || (master !== undefined && missing.has(master))) keys.push(key)
    if (master !== undefined) missing.delete(master)
  }
  if (keys.length === 0) throw new Unavailable('redis', 'Redis Cluster does not say its slots')
  return keys
}

/** A master with less than some ten slots may go without a mark. */
const MAX_PARTS = 10_000

function markOf(keys: readonly string[], texts: readonly (string | undefined)[]): Mark {
  const parts = new Map<string, bigint>()
  for (const [i, key] of keys.entries()) {
    const text = texts[i]
    if (text === undefined) continue
    if (!/^\d{1,19}$/.test(text)) throw foreign([key])
    parts.set(key, BigInt(text))
  }
  const least = [...parts.values()].reduce((a, b) => (a < b ? a : b), 2n ** 63n)
  return { next: parts.size === keys.length ? least : undefined, parts }
}

function foreign(keys: readonly string[]): Refused {
  return new Refused(
    'redis',
    `what stands at ${keys.join(', ')} in Redis was not written by group-traits: rename or delete ` +
      'it, then start again',
  )
}
