/** The marks of the workers, for who only looks: nothing is written, no new master admitted. */
import type { RedisConnection } from './connection.ts'
import { marksKey } from './keys.ts'
import { partsFinder } from './mark-parts.ts'
import { asking } from './state-reader.ts'

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
    const parts = findParts()
    const hashes = await Promise.all(parts.map(({ key }) => client.hgetall(key)))
    const admitted = (hashes[0]?.parts ?? '0').split(',')
    const marks = hashes.filter((_, i) => admitted.includes(String(parts[i]?.number)))
    const least = new Map<number, bigint>()
    for (const partition of Object.keys(marks[0] ?? {})) {
      const nexts = marks.map((hash) => hash[partition] ?? '')
      if (!nexts.every((next) => /^\d+$/.test(next))) continue
      const inOrder = nexts.map(BigInt).sort((a, b) => (a < b ? -1 : 1))
      least.set(Number(partition), inOrder[0] ?? 0n)
    }
    return least
  })
}
