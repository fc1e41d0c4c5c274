/**
 * The parts of a Redis that can lose writes by themselves, each with a key for checkpoints: the
 * masters of a Cluster, the first of the keys `{TOPIC}`, `{TOPIC#1}`, … whose slot each serves.
 * All else is one part.
 */
import { Cluster } from 'ioredis'
import { Unavailable } from '../../pipeline/errors.ts'
import type { RedisClient } from '../lua/scripts.ts'
import { slotOf } from '../slots.ts'

export interface Part {
  /** Of its key. There always is a part 0. */
  readonly number: number
  readonly key: string
  /** The key, and the master that serves it: another one may not have the same writes. */
  readonly name: string
}

/** @returns what finds the parts as they are now; it throws Unavailable */
export function shardFinder(
  client: RedisClient,
  keyOf: (number: number) => string,
): () => readonly Part[] {
  const first = keyOf(0)
  if (!(client instanceof Cluster)) return () => [{ number: 0, key: first, name: first }]
  const keys: { key: string; slot: number }[] = []
  return () => {
    const { slots } = client
    const missing = mastersOf(slots)
    if (missing.size === 0) throw new Unavailable('redis', 'Redis Cluster does not say its slots')
    const parts: Part[] = []
    for (let number = 0; missing.size > 0 && number < MAX_KEYS; number++) {
      const candidate = keys[number] ?? withSlot(keyOf(number))
      keys[number] = candidate
      const master = slots[candidate.slot]?.[0] ?? ''
      if (!missing.delete(master) && number > 0) continue
      parts.push({ number, key: candidate.key, name: `${candidate.key} at ${master}` })
    }
    return parts
  }
}

/** A master with less than some ten slots may go without a checkpoint. */
const MAX_KEYS = 10_000

function withSlot(key: string) {
  return { key, slot: slotOf(key) }
}

function mastersOf(slots: Cluster['slots']): Set<string> {
  const masters = new Set<string>()
  for (const nodes of slots) {
    const master = nodes?.[0]
    if (master !== undefined) masters.add(master)
  }
  return masters
}
