/**
 * Commits an offset while the workers run. Kafka lets nobody set the offsets of a group that
 * has members but its members; so this joins as one more of them, reads nothing, commits, and
 * leaves. Both rebalances make the owner of the partition look at its committed offset anew.
 */
import type { Log } from '../../pipeline/ports.ts'
import { consumerConfig, createClient } from '../client/client.ts'
import { withDeadline } from '../client/deadline.ts'
import { hasType, translate } from '../client/failures.ts'
import type { Consumer } from '../client/kafkajs.ts'
import { rightsToRead } from '../client/rights.ts'
import type { KafkaSettings } from '../client/settings.ts'

const LEAVE_DEADLINE_MS = 10_000
const ATTEMPTS = 5

/**
 * @param confirm called as a member, right before the commit; what it throws prevents it
 * @throws NotRetriable, Unavailable, what `confirm` throws
 */
export async function commitAsMember(
  settings: KafkaSettings,
  log: Log,
  partition: number,
  nextOffset: bigint,
  confirm: () => Promise<void>,
): Promise<void> {
  const { topic, groupId } = settings
  const doing = `committing offset ${nextOffset} for group ${groupId}`
  const consumer = createClient(settings, log).consumer(consumerConfig(settings))
  try {
    await withDeadline(join(consumer, topic), joinDeadlineMs(settings), `joining group ${groupId}`)
    await confirm()
    // without the workers' metadata, for it is set by hand: their checkpoint is to follow it
    const offset = { topic, partition, offset: String(nextOffset) }
    await withDeadline(commit(consumer, offset), settings.requestTimeoutMs, doing)
  } catch (error) {
    throw translate(error, doing, rightsToRead(settings))
  } finally {
    try {
      await withDeadline(consumer.disconnect(), LEAVE_DEADLINE_MS, `leaving group ${groupId}`)
    } catch (error) {
      // the group finds out by the session timeout
      log.debug({ error: String(error) }, 'the consumer was left as it is')
    }
  }
}

type Commit = Parameters<Consumer['commitOffsets']>[0][number]

/** Resolves once the group counts us as a member. */
async function join(consumer: Consumer, topic: string): Promise<void> {
  const { promise: joined, resolve, reject } = Promise.withResolvers<void>()
  consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
  consumer.on(consumer.events.GROUP_JOIN, () => {
    consumer.pause([{ topic }])
    resolve()
  })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  // resolves after the first join, also where that failed
  consumer.run({ autoCommit: false, eachBatch: async () => {} }).catch(reject)
  await joined
}

/** Again where another member came or went in between. */
async function commit(consumer: Consumer, offset: Commit): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await consumer.commitOffsets([offset])
    } catch (error) {
      const isRebalance = hasType(error, 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS')
      if (!isRebalance || attempt === ATTEMPTS) throw error
      await nextJoin(consumer)
    }
  }
}

async function nextJoin(consumer: Consumer): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const stopListening = consumer.on(consumer.events.GROUP_JOIN, () => resolve())
  await promise
  stopListening()
}

/** A worker may be in the middle of a batch, and the group waits for it. */
function joinDeadlineMs({ sessionTimeoutMs, requestTimeoutMs }: KafkaSettings): number {
  return Math.max(sessionTimeoutMs, 60_000) + requestTimeoutMs
}
