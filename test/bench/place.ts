import { randomUUID } from 'node:crypto'
import { removeKeys } from './keys.ts'
import type { Servers } from './servers.ts'
import { removeFromKafka } from './topic.ts'

/** Where a worker reads and writes: nobody else does there. */
export interface Place {
  readonly topic: string
  readonly groupId: string
  readonly deadLetterTopic: string
  readonly keyPrefix: string
}

/**
 * Gives a worker a consumer group, dead letters and keys of its own, and removes them after.
 *
 * @param topic where it stands already; else the place names one, to be made, and removes it
 */
export async function atPlace<T>(
  servers: Servers,
  topic: string | undefined,
  use: (place: Place) => Promise<T>,
): Promise<T> {
  const id = `bench-${randomUUID()}`
  const place = {
    topic: topic ?? id,
    groupId: id,
    deadLetterTopic: `${id}.dead-letters`,
    keyPrefix: `${id}:`,
  }
  const remove = async () => {
    await removeKeys(servers, id)
    await removeFromKafka(servers.admin, id)
  }
  let result: T
  try {
    result = await use(place)
  } catch (error) {
    // Kafka keeps the group of a worker that died for a while: its death tells more than that
    await remove().catch(() => {})
    throw error
  }
  await remove()
  return result
}

/** The same keys, read into by another consumer group. */
export function again(place: Place): Place {
  const groupId = `${place.groupId}-again`
  return { ...place, groupId, deadLetterTopic: `${groupId}.dead-letters` }
}
