/** Reads the workers' checkpoints without changing them: it admits no newcomers. */
import { askAtStart } from '../connection/ask.ts'
import type { RedisConnection } from '../connection/connection.ts'
import { checkpointKey } from '../keys.ts'
import { admittedShards, checkpointsOf, readShards } from './checkpoints.ts'
import { shardFinder } from './shards.ts'

/**
 * Returns for each partition the offset up to which Redis certainly holds it. A partition is left
 * out if an admitted shard has no checkpoint for it: that shard lost it, or no worker ever read the
 * partition.
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
  return await askAtStart(connection, async () => {
    const shards = await readShards(client, findShards())
    const certain = new Map<number, bigint>()
    for (const [partition, { next }] of checkpointsOf(admittedShards(shards))) {
      if (next !== undefined) certain.set(partition, next)
    }
    return certain
  })
}
