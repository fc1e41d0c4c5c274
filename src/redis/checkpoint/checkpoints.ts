/**
 * The checkpoints in Redis: up to which offset it holds each partition.
 *
 *   group-traits:applied:{TOPIC}:CONSUMERGROUP    a hash, of shard 0
 *   group-traits:applied:{TOPIC#n}:CONSUMERGROUP  a hash, of shard n; on a Cluster only (shards.ts)
 *     partition -> next offset
 *     `parts` -> numbers of the admitted shards, as in 0,3,7; in shard 0 of a Cluster
 *
 * Compare-and-set. A worker sets a checkpoint only if it still is what the worker expects, on
 * every shard. Otherwise Redis lost it, or another worker set it: then nothing is written on that
 * shard, and the caller reads again. So a checkpoint never hides its own loss.
 *
 * The least of all shards counts. If an admitted shard has none for a partition, it lost it.
 *
 * A master that joins a Cluster has no checkpoint, but has lost nothing either: it is a newcomer
 * until its number is in `parts`. The worker that finds it copies the checkpoints of the admitted
 * shards to it, and then writes the new `parts`.
 */
import { isDeepStrictEqual } from 'node:util'
import { NotRetriable, Unavailable } from '../../pipeline/errors.ts'
import type { Checkpoint, Checkpoints } from '../../pipeline/ports.ts'
import { ask } from '../connection/ask.ts'
import type { RedisConnection } from '../connection/connection.ts'
import { codeOf } from '../connection/error-translation.ts'
import { checkpointKey, pauseKey } from '../keys.ts'
import type { RedisClient } from '../lua/scripts.ts'
import { settleAll } from '../settle-all.ts'
import { type Shard, shardFinder } from './shards.ts'

/** @param consumerGroup the workers' consumer group, as Kafka knows it */
export function openCheckpoints(
  connection: RedisConnection,
  topic: string,
  consumerGroup: string,
): Checkpoints {
  const { client } = connection
  const findShards = shardFinder(client, (number) => checkpointKey(topic, consumerGroup, number))
  const pause = pauseKey(topic, consumerGroup)

  const read = async (): Promise<ReadonlyMap<number, Checkpoint>> => {
    const shards = await readShards(client, findShards())
    const numbers = shards.map(({ number }) => number).join()
    if (admittedNumbers(shards) === numbers) return checkpointsOf(shards)
    await copyToNewcomers(shards)
    await client.hset(checkpointKey(topic, consumerGroup, 0), ADMITTED, numbers)
    return checkpointsOf(await readShards(client, shards))
  }

  const copyToNewcomers = async (shards: readonly ShardWithCheckpoints[]) => {
    const admitted = admittedShards(shards)
    const newcomers = shards.filter((shard) => !admitted.includes(shard))
    for (const [partition, { next }] of checkpointsOf(admitted)) {
      if (next === undefined) continue
      for (const newcomer of newcomers) {
        await set(newcomer, partition, newcomer.hash[partition] ?? '', next)
      }
    }
  }

  const set = async ({ number, key }: Shard, partition: number, expected: string, next: bigint) => {
    // only shard 0 has the slot of the pause; for the others, a key that never exists
    const gate = number === 0 ? pause : `${key}:none`
    return await client.setCheckpoint(key, gate, partition, expected, String(next))
  }

  const compareAndSet = async (
    partition: number,
    expected: Checkpoint | undefined,
    next: bigint,
  ): Promise<Checkpoint | undefined> => {
    const shards = findShards()
    if (expected?.next !== undefined && !shards.every(({ name }) => expected.shards.has(name)))
      return
    // all at once, so that they go to the connections as they are now
    const outcomes = await settleAll(
      shards.map((shard) => {
        const expectedHere = expected?.shards.get(shard.name)
        return set(shard, partition, expectedHere === undefined ? '' : String(expectedHere), next)
      }),
    )
    if (outcomes.includes('paused')) {
      throw new Unavailable('redis', 'the workers are paused while a rebuild replaces groups')
    }
    if (outcomes.includes('other')) return
    if (!isDeepStrictEqual(findShards(), shards)) {
      throw new Unavailable('redis', 'Redis Cluster changed its masters while a checkpoint was set')
    }
    return { next, shards: new Map(shards.map(({ name }) => [name, next])) }
  }

  const askForCheckpoints = <Result>(run: () => Promise<Result>): Promise<Result> =>
    ask(connection, async () => {
      try {
        return await run()
      } catch (error) {
        if (error instanceof Error && codeOf(error) === 'WRONGTYPE') throw notOurs(findShards())
        throw error
      }
    })

  return {
    read: () => askForCheckpoints(read),
    compareAndSet: (...args) => askForCheckpoints(() => compareAndSet(...args)),
  }
}

export interface ShardWithCheckpoints extends Shard {
  /** The hash at its key. */
  readonly hash: Readonly<Record<string, string>>
}

export async function readShards(
  client: RedisClient,
  shards: readonly Shard[],
): Promise<ShardWithCheckpoints[]> {
  const hashes = await Promise.all(shards.map(({ key }) => client.hgetall(key)))
  return shards.map((shard, i) => ({ ...shard, hash: hashes[i] ?? {} }))
}

/** Field of shard 0: the numbers of the admitted shards. */
const ADMITTED = 'parts'

function admittedNumbers(shards: readonly ShardWithCheckpoints[]): string {
  return shards[0]?.hash[ADMITTED] ?? '0'
}

/** Returns the shards that are no newcomers: if one of these lacks a checkpoint, it lost it. */
export function admittedShards(shards: readonly ShardWithCheckpoints[]): ShardWithCheckpoints[] {
  const numbers = admittedNumbers(shards).split(',')
  return shards.filter(({ number }) => numbers.includes(String(number)))
}

/**
 * Returns the checkpoint of each partition: the least of all shards.
 *
 * @throws NotRetriable if a hash holds anything but checkpoints
 */
export function checkpointsOf(shards: readonly ShardWithCheckpoints[]): Map<number, Checkpoint> {
  const byPartition = new Map<number, Map<string, bigint>>()
  for (const shard of shards) {
    for (const [field, value] of Object.entries(shard.hash)) {
      if (field === ADMITTED) continue
      if (!NUMBER.test(field) || !NUMBER.test(value)) throw notOurs([shard])
      const partition = Number(field)
      const byShard = byPartition.get(partition) ?? new Map<string, bigint>()
      byPartition.set(partition, byShard.set(shard.name, BigInt(value)))
    }
  }
  return new Map(
    Array.from(byPartition, ([partition, byShard]) => {
      const next = byShard.size === shards.length ? least(byShard.values()) : undefined
      return [partition, { next, shards: byShard }]
    }),
  )
}

const NUMBER = /^(?:0|[1-9]\d{0,18})$/

function least(numbers: Iterable<bigint>): bigint {
  return [...numbers].reduce((a, b) => (a < b ? a : b), 2n ** 63n)
}

function notOurs(shards: readonly Shard[]): NotRetriable {
  return new NotRetriable(
    'redis',
    `the value at ${shards.map(({ key }) => key).join(' or ')} in Redis was not written by ` +
      'group-traits: rename or delete it, then start again',
  )
}
