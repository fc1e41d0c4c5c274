/** The masters of Redis: one, or those of a Cluster. */
import { Cluster, type Redis } from 'ioredis'
import { Unavailable } from '../../pipeline/errors.ts'
import type { RedisClient } from '../lua/scripts.ts'

/**
 * Returns a client for each master; outside of a Cluster, the client itself.
 *
 * @throws Unavailable if the Cluster has not sent its list of masters yet
 */
export function masterClients({ client }: { readonly client: RedisClient }): Redis[] {
  if (!(client instanceof Cluster)) return [client as Redis]
  const masters = client.nodes('master')
  if (masters.length > 0) return masters
  throw new Unavailable('redis', 'Redis Cluster has not sent its list of masters yet')
}

/**
 * Returns the names, HOST:PORT, of the masters that serve slots: one that serves none holds no data.
 *
 * @throws Unavailable if the Cluster has not sent its slots yet
 */
export function mastersWithSlots({ slots }: Cluster): Set<string> {
  const masters = new Set<string>()
  for (const nodes of slots) {
    const master = nodes?.[0]
    if (master !== undefined) masters.add(master)
  }
  if (masters.size > 0) return masters
  throw new Unavailable('redis', 'Redis Cluster has not sent the slots of its masters yet')
}
