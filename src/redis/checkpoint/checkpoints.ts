/**
 * The checkpoints in Redis, `group-traits:applied:{TOPIC}:CONSUMERGROUP`: a hash, partition → next
 * offset. On a Cluster each master can lose writes by itself, so each has checkpoints of its own, and
 * the least counts; the first one says in the field `parts` which of them there are.
 */
import { isDeepStrictEqual } from 'node:util'
import { NotRetriable, Unavailable } from '../../pipeline/errors.ts'
import type { Checkpoint, Checkpoints } from '../../pipeline/ports.ts'
import type { RedisConnection } from '../connection/connection.ts'
import { codeOf, failureOf } from '../connection/failure.ts'
import { checkpointKey, pauseKey } from '../keys.ts'
import type { RedisClient } from '../lua/scripts.ts'
import { type Part, shardFinder } from './shards.ts'

/** @param consumerGroup whose workers' checkpoints these are, as Kafka knows it */
export function openCheckpoints(
  connection: RedisConnection,
  topic: string,
  consumerGroup: string,
): Checkpoints {
  const { client } = connection
  const findShards = shardFinder(client, (number) => checkpointKey(topic, consumerGroup, number))
  const pause = pauseKey(topic, consumerGroup)

  const read = async (): Promise<ReadonlyMap<number, Checkpoint>> => {
    const parts = await readShards(client, findShards())
    const list = parts.map(({ number }) => number).join()
    if (listIn(parts) === list) return checkpointsOf(parts)
    await admit(parts)
    await client.hset(checkpointKey(topic, consumerGroup, 0), LIST, list)
    return checkpointsOf(await readShards(client, parts))
  }

  /** A master that joined lost nothing: its checkpoints begin where those of the others are. */
  const admit = async (parts: readonly ShardWithCheckpoints[]) => {
    const known = admitted(parts)
    for (const [partition, { next }] of checkpointsOf(known)) {
      for (const part of parts) {
        if (known.includes(part) || next === undefined) continue
        await set(part, partition, part.hash[partition] ?? '', next)
      }
    }
  }

  const set = async ({ number, key }: Part, partition: number, before: string, next: bigint) => {
    // the pause has the slot of the first key only
    const gate = number === 0 ? pause : `${key}:none`
    return await client.setCheckpoint(key, gate, partition, before, String(next))
  }

  const compareAndSet = async (
    partition: number,
    seen: Checkpoint | undefined,
    next: bigint,
  ): Promise<Checkpoint | undefined> => {
    const parts = findShards()
    if (seen?.next !== undefined && !parts.every(({ name }) => seen.shards.has(name))) return
    // all at once, on the connections as they are now
    const outcomes = await allSettled(
      parts.map((part) => {
        const before = seen?.shards.get(part.name)
        return set(part, partition, before === undefined ? '' : String(before), next)
      }),
    )
    if (outcomes.includes('paused')) {
      throw new Unavailable('redis', 'the workers are paused while a rebuild puts groups in place')
    }
    if (outcomes.includes('other')) return
    if (!isDeepStrictEqual(findShards(), parts)) {
      throw new Unavailable('redis', 'Redis Cluster changed its masters in the middle of a batch')
    }
    return { next, shards: new Map(parts.map(({ name }) => [name, next])) }
  }

  const guarded = async <Result>(ask: () => Promise<Result>): Promise<Result> => {
    await connection.opened
    try {
      return await ask()
    } catch (error) {
      if (error instanceof Error && codeOf(error) === 'WRONGTYPE') throw foreign(findShards())
      throw failureOf(error, connection.lastError)
    }
  }

  return {
    read: () => guarded(read),
    compareAndSet: (...args) => guarded(() => compareAndSet(...args)),
  }
}

export interface ShardWithCheckpoints extends Part {
  /** What stands at its key. */
  readonly hash: Readonly<Record<string, string>>
}

export async function readShards(
  client: RedisClient,
  parts: readonly Part[],
): Promise<ShardWithCheckpoints[]> {
  const hashes = await Promise.all(parts.map(({ key }) => client.hgetall(key)))
  return parts.map((part, i) => ({ ...part, hash: hashes[i] ?? {} }))
}

/** Field of the first part: the numbers of the parts, as of when somebody last looked. */
const LIST = 'parts'

function listIn(parts: readonly ShardWithCheckpoints[]): string {
  return parts[0]?.hash[LIST] ?? '0'
}

/** Those of the parts that are no newcomers: of these, a checkpoint that is missing is lost. */
export function admitted(parts: readonly ShardWithCheckpoints[]): ShardWithCheckpoints[] {
  const numbers = listIn(parts).split(',')
  return parts.filter(({ number }) => numbers.includes(String(number)))
}

/**
 * Partition → its checkpoint, the least of those in the parts.
 *
 * @throws NotRetriable where something stands there that is no checkpoint
 */
export function checkpointsOf(parts: readonly ShardWithCheckpoints[]): Map<number, Checkpoint> {
  const checkpoints = new Map<number, Map<string, bigint>>()
  for (const part of parts) {
    for (const [field, value] of Object.entries(part.hash)) {
      if (field === LIST) continue
      if (!NUMBER.test(field) || !NUMBER.test(value)) throw foreign([part])
      const partition = Number(field)
      checkpoints.set(
        partition,
        (checkpoints.get(partition) ?? new Map()).set(part.name, BigInt(value)),
      )
    }
  }
  return new Map(
    Array.from(checkpoints, ([partition, found]) => {
      const next = found.size === parts.length ? least(found.values()) : undefined
      return [partition, { next, shards: found }]
    }),
  )
}

const NUMBER = /^(?:0|[1-9]\d{0,18})$/

function least(numbers: Iterable<bigint>): bigint {
  return [...numbers].reduce((a, b) => (a < b ? a : b), 2n ** 63n)
}

/** @throws the first failure, once nothing is under way any more */
async function allSettled<Result>(promises: readonly Promise<Result>[]): Promise<Result[]> {
  await Promise.allSettled(promises)
  return await Promise.all(promises)
}

function foreign(parts: readonly Part[]): NotRetriable {
  return new NotRetriable(
    'redis',
    `what stands at ${parts.map(({ key }) => key).join(', ')} in Redis was not written by ` +
      'group-traits: rename or delete it, then start again',
  )
}
