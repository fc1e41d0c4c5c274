/** The marks of the workers, for who only looks: nothing is written, no new master admitted. */

import type { RedisConnection } from '../connection/connection.ts'
import { marksKey } from '../keys.ts'
import { asking } from '../reading/state-reader.ts'
import { admitted, marksOf, readParts } from './checkpoints.ts'
import { partsFinder } from './shards.ts'

/**
 * Partition → up to where Redis holds it for certain. None for a partition of which any part of
 * Redis has no mark: there it lost what it had, or nothing was ever read.
 *
 * @throws Unavailable, Refused
 */
export async function readMarks(
  connection: RedisConnection,
  topic: string,
  consumerGroup: string,
): Promise<ReadonlyMap<number, bigint>> {
  const { client } = connection
  const findParts = partsFinder(client, (number) => marksKey(topic, consumerGroup, number))
  return await asking(connection, async () => {
    const marks = marksOf(admitted(await readParts(client, findParts())))
    const certain = Array.from(marks).flatMap(([partition, { next }]) =>
      next === undefined ? [] : [[partition, next] as const],
    )
    return new Map(certain)
  })
}
