/** The checkpoints of the workers, for who only looks: nothing is written, no new master admitted. */

import type { RedisConnection } from '../connection/connection.ts'
import { checkpointKey } from '../keys.ts'
import { ask } from '../reading/ask.ts'
import { admitted, checkpointsOf, readShards } from './checkpoints.ts'
import { shardFinder } from './shards.ts'

/**
 * Partition → up to where Redis holds it for certain. None for a partition of which any part of
 * Redis has no checkpoint: there it lost what it had, or nothing was ever read.
 *
 * @throws Unavailable, NotRetriable
 */
export async function readCheckpoints(
  connection: RedisConnection,
  topic: string,
  consumerGroup: string,
): Promise<ReadonlyMap<number, bigint>> {
  const { client } = connection
  const findShards = shardFinder(client, (number) => checkpointKey(topic, consumerGroup, number))
  return await ask(connection, async () => {
    const checkpoints = checkpointsOf(admitted(await readShards(client, findShards())))
    const certain = Array.from(checkpoints).flatMap(([partition, { next }]) =>
      next === undefined ? [] : [[partition, next] as const],
    )
    return new Map(certain)
  })
}
