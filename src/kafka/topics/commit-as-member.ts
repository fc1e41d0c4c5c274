/**
 * Commits an offset while the workers run. While a group has members, Kafka takes commits from its
 * members only. So this joins the group as one more member, commits, and leaves. It reads nothing,
 * because it could not process the records: it pauses the partitions that it is assigned, and the
 * workers get them back when it leaves. Joining and leaving each cause a rebalance, after which the
 * partition's owner fetches its committed offset again.
 */
import type { Log } from '../../pipeline/ports.ts'
import { consumerConfig, createClient } from '../client/client.ts'
import { waitForDisconnect } from '../client/disconnect.ts'
import { hasType, translate } from '../client/error-translation.ts'
import type { Consumer } from '../client/kafkajs.ts'
import { rebalanceTimeoutMs } from '../client/rebalance-timeout.ts'
import { rightsToRead } from '../client/rights.ts'
import type { KafkaSettings } from '../client/settings.ts'
import { withTimeout } from '../client/timeout.ts'

const LEAVE_TIMEOUT_MS = 10_000
/** A commit fails if another member causes a rebalance. More in a row are unlikely. */
const ATTEMPTS = 5

/**
 * Commits the offset as a member of the group. The commit carries no metadata of a worker (see
 * wire/commit-metadata.ts): so it counts as set by hand, and the workers then set their checkpoint
 * to it.
 *
 * @param checkBeforeCommit called once we are a member, right before the commit; if it throws,
 *   nothing is committed
 * @throws NotRetriable, Unavailable, what `checkBeforeCommit` throws
 */
export async function commitAsMember(
  settings: KafkaSettings,
  log: Log,
  partition: number,
  nextOffset: bigint,
  checkBeforeCommit: () => Promise<void>,
): Promise<void> {
  const { topic, groupId } = settings
  let doing = `joining group ${groupId}`
  const consumer = createClient(settings, log).consumer(consumerConfig(settings))
  try {
    await withTimeout(join(consumer, topic), joinTimeoutMs(settings), doing)
    await checkBeforeCommit()
    doing = `committing offset ${nextOffset} for group ${groupId}`
    const offset = { topic, partition, offset: String(nextOffset) }
    await withTimeout(commit(consumer, offset), settings.requestTimeoutMs, doing)
  } catch (error) {
    throw translate(error, doing, rightsToRead(settings))
  } finally {
    const leaving = consumer.disconnect()
    await waitForDisconnect(leaving, LEAVE_TIMEOUT_MS, `leaving group ${groupId}`, log)
  }
}

type Commit = Parameters<Consumer['commitOffsets']>[0][number]

/** Resolves once we are a member of the group. */
async function join(consumer: Consumer, topic: string): Promise<void> {
  const { promise: joined, resolve, reject } = Promise.withResolvers<void>()
  consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
  consumer.on(consumer.events.GROUP_JOIN, () => {
    consumer.pause([{ topic }])
    resolve()
  })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  // run() resolves after the first attempt to join, even if it failed. So wait for GROUP_JOIN.
  consumer.run({ autoCommit: false, eachBatch: async () => {} }).catch(reject)
  await joined
}

/** Commits, and retries after a rebalance that another member caused. */
async function commit(consumer: Consumer, offset: Commit): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    // listen first: the next join may be over before the commit fails
    const joined = nextJoin(consumer)
    try {
      return await consumer.commitOffsets([offset])
    } catch (error) {
      const isRebalance = hasType(error, 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS')
      if (!isRebalance || attempt === ATTEMPTS) throw error
      await joined
    }
  }
}

async function nextJoin(consumer: Consumer): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const stopListening = consumer.on(consumer.events.GROUP_JOIN, () => resolve())
  await promise
  stopListening()
}

/** A worker may be in the middle of a batch: then the rebalance waits for it. */
function joinTimeoutMs(settings: KafkaSettings): number {
  return rebalanceTimeoutMs(settings) + settings.requestTimeoutMs
}
