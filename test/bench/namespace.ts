import { randomUUID } from 'node:crypto'
import { removeKeys } from './keys.ts'
import type { Servers } from './servers.ts'
import { removeFromKafka } from './topic.ts'

/** The names that one worker uses in Kafka and Redis, and nobody else. */
export interface Namespace {
  readonly topic: string
  readonly groupId: string
  readonly deadLetterTopic: string
  readonly keyPrefix: string
}

/**
 * Calls `use` with a consumer group, a dead-letter topic and a key prefix of its own, and removes
 * what they hold afterwards.
 *
 * @param topic an existing topic; undefined: the namespace has a new name for one that `use` creates
 */
export async function withNamespace<T>(
  servers: Servers,
  topic: string | undefined,
  use: (namespace: Namespace) => Promise<T>,
): Promise<T> {
  const id = `bench-${randomUUID()}`
  const namespace = {
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
    result = await use(namespace)
  } catch (error) {
    // a worker that died stays in its group for a while, which then cannot be removed; report its death
    await remove().catch(() => {})
    throw error
  }
  await remove()
  return result
}

/** The same topic and keys, with another consumer group. */
export function withOtherGroup(namespace: Namespace): Namespace {
  const groupId = `${namespace.groupId}-again`
  return { ...namespace, groupId, deadLetterTopic: `${groupId}.dead-letters` }
}
