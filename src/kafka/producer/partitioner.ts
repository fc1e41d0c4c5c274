/**
 * Chooses the partition of a record. A record with a key goes where Java's default partitioner
 * sends it, so that producers in any language agree. Records without a key take turns.
 *
 * kafkajs' own partitioner gives the same result, but its time grows with the square of the key's
 * length.
 */
import type { PartitionerArgs } from '../client/kafkajs.ts'

export function createPartitioner(): (args: PartitionerArgs) => number {
  let next = 0
  return ({ partitionMetadata, message: { key } }) => {
    const count = partitionMetadata.length
    if (key !== null && key !== undefined) {
      return (murmur2(Buffer.from(key)) & 0x7fffffff) % count
    }
    const withLeader = partitionMetadata.filter(({ leader }) => leader >= 0)
    const candidates = withLeader.length > 0 ? withLeader : partitionMetadata
    return candidates[next++ % candidates.length]?.partitionId ?? 0
  }
}

const SEED = 0x9747b28c
const MIX = 0x5bd1e995

/** Returns the signed hash of the Java client (org.apache.kafka.common.utils.Utils.murmur2). */
export function murmur2(key: Buffer): number {
  const tail = key.length & 3
  const end = key.length - tail
  let hash = SEED ^ key.length
  for (let position = 0; position < end; position += 4) {
    const mixed = Math.imul(key.readInt32LE(position), MIX)
    hash = Math.imul(hash, MIX) ^ Math.imul(mixed ^ (mixed >>> 24), MIX)
  }
  if (tail > 0) hash = Math.imul(hash ^ key.readUIntLE(end, tail), MIX)
  hash = Math.imul(hash ^ (hash >>> 13), MIX)
  return hash ^ (hash >>> 15)
}
