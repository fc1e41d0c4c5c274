/**
 * The shards of Redis: each can lose writes by itself, so each has checkpoints of its own. On a
 * Cluster these are the masters that serve slots; any other Redis is one shard.
 *
 * On a Cluster the key decides which master stores the checkpoints. So we try the keys with the hash
 * tags `{TOPIC}`, `{TOPIC#1}`, `{TOPIC#2}`, …: a shard has the first one whose slot it serves. The
 * number of that key is the number of the shard.
 */
import { Cluster } from 'ioredis'
import { mastersWithSlots } from '../connection/masters.ts'
import type { RedisClient } from '../lua/scripts.ts'
import { slotOf } from '../slots.ts'

export interface Shard {
  /** That of its key. There always is a shard 0. */
  readonly number: number
  readonly key: string
  /** The key and the master that serves it: another master may lack writes that this one has. */
  readonly name: string
}

/**
 * Returns a function that finds the shards as they are now.
 *
 * @param keyOf returns the key of a number
 * @returns which throws Unavailable if the Cluster has not sent its slots yet
 */
export function shardFinder(
  client: RedisClient,
  keyOf: (number: number) => string,
): () => readonly Shard[] {
  const first = keyOf(0)
  if (!(client instanceof Cluster)) return () => [{ number: 0, key: first, name: first }]
  const candidates: { key: string; slot: number }[] = []
  return () => {
    const { slots } = client
    const missing = mastersWithSlots(client)
    const shards: Shard[] = []
    for (let number = 0; missing.size > 0 && number < MAX_CANDIDATES; number++) {
      candidates[number] ??= withSlot(keyOf(number))
      const { key, slot } = candidates[number]!
      const master = slots[slot]?.[0] ?? ''
      if (!missing.delete(master) && number > 0) continue
      shards.push({ number, key, name: `${key} at ${master}` })
    }
    return shards
  }
}

/** A master with fewer than ten slots or so may be left without a checkpoint. */
const MAX_CANDIDATES = 10_000

function withSlot(key: string) {
  return { key, slot: slotOf(key) }
}
