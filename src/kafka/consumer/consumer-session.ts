/**
 * One kafkajs consumer, from connecting to its end. The states and their transitions:
 *
 *     connecting -> joining     connected; a former member of ours was removed from the group
 *     joining    -> assigned    GROUP_JOIN: onJoined
 *     assigned   -> running     the first FETCH: onFirstFetch
 *                -> assigned    a rebalance: onJoined again
 *     running    -> running     a rebalance: onJoined again
 *     any        -> ended       a crash of kafkajs, an unanswered request, silence, or close()
 *
 * An ended session is never restarted; the caller opens another one. kafkajs can restart a consumer
 * itself, but then it may lose a stop meanwhile (tulios/kafkajs#1639), and it never restarts after
 * a wrong password.
 */
import { Unavailable } from '../../pipeline/errors.ts'
import type { Log } from '../../pipeline/ports.ts'
import { consumerConfig, createClient } from '../client/client.ts'
import { waitForDisconnect } from '../client/disconnect.ts'
import type { Consumer, EachBatchHandler } from '../client/kafkajs.ts'
import { rebalanceTimeoutMs } from '../client/rebalance-timeout.ts'
import type { KafkaSettings } from '../client/settings.ts'
import { ConsumerFailed } from './consumer-failed.ts'
import { removeFormerMember } from './former-member.ts'
import { watchForSilence } from './silence-watch.ts'

export interface SessionOptions {
  readonly settings: KafkaSettings
  readonly log: Log
  readonly eachBatch: EachBatchHandler
  /** The member id of the session before; removed first, as that session may not have left. */
  readonly formerMember: string | undefined
  readonly onJoined: (joined: Joined) => void
  /** Called once, when the first fetch is answered: Kafka is there, and lets us read. */
  readonly onFirstFetch: () => void
  /** Called if the position is not in the topic: reading continues at the earliest record. */
  readonly onReset: (partition: number, position: bigint) => void
}

export interface Joined {
  readonly memberId: string
  readonly partitions: readonly number[]
  /** As of before the group was joined; undefined if the brokers do not know topic ids. */
  readonly topicId: string | undefined
}

export interface Session {
  /** Resolves with the error that ended it, or with undefined after `close`. Never rejects. */
  readonly ended: Promise<unknown>
  /** Continues to read the partition at that offset, whatever is in flight. */
  seek(partition: number, offset: bigint): void
  /** Leaves the group and disconnects, or gives up after the timeout. Never rejects. */
  close(timeoutMs: number): Promise<void>
}

export function openSession(options: SessionOptions): Session {
  const { settings, log } = options
  const { promise: ended, resolve: end } = Promise.withResolvers<unknown>()
  let topicId: string | undefined
  const client = createClient(settings, log, {
    onTopicId: (id) => {
      topicId = id
    },
    onOffsetOutOfRange: options.onReset,
  })
  const consumer = client.consumer({
    ...consumerConfig(settings),
    rebalanceTimeout: rebalanceTimeoutMs(settings),
  })
  consumer.on(consumer.events.CRASH, ({ payload }) => end(payload.error))
  consumer.on(consumer.events.REQUEST_TIMEOUT, ({ payload: { broker, apiName } }) => {
    // kafkajs would retry five times, and seem to be fine meanwhile
    end(new Unavailable('kafka', `broker ${broker} does not answer (${apiName})`))
  })
  listen(consumer, options, () => topicId)
  const endWatch = endIfSilent(consumer, settings, end)
  const closing = new AbortController()
  const started = start(consumer, options, closing.signal).catch(end)
  return {
    ended,
    seek: (partition, offset) => {
      const { topic } = settings
      consumer.resume([{ topic, partitions: [partition] }])
      consumer.seek({ topic, partition, offset: String(offset) })
    },
    close: async (timeoutMs) => {
      endWatch()
      closing.abort()
      end(undefined)
      // a connection that is only now being opened must be closed, too
      started.then(() => consumer.disconnect()).catch(() => {})
      const disconnecting = consumer.disconnect()
      await waitForDisconnect(disconnecting, timeoutMs, 'leaving the consumer group', log)
    },
  }
}

async function start(
  consumer: Consumer,
  { settings, log, eachBatch, formerMember }: SessionOptions,
  closing: AbortSignal,
): Promise<void> {
  await consumer.connect()
  if (formerMember !== undefined) await removeFormerMember(settings, log, formerMember)
  if (closing.aborted) return
  await consumer.subscribe({ topics: [settings.topic], fromBeginning: true })
  if (closing.aborted) return
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: settings.concurrentPartitions,
    eachBatch,
  })
}

function listen(
  consumer: Consumer,
  options: SessionOptions,
  topicId: () => string | undefined,
): void {
  const { topic } = options.settings
  let isRunning = false
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    const partitions = payload.memberAssignment[topic] ?? []
    // a record that stopped its partition may have been skipped meanwhile; if not, it stops again
    consumer.resume([{ topic, partitions }])
    options.onJoined({ memberId: payload.memberId, partitions, topicId: topicId() })
  })
  consumer.on(consumer.events.FETCH, () => {
    if (!isRunning) options.onFirstFetch()
    isRunning = true
  })
}

/** @returns a function that ends the watch */
function endIfSilent(
  consumer: Consumer,
  settings: KafkaSettings,
  end: (error: Error) => void,
): () => void {
  const limitMs = silenceLimitMs(settings)
  return watchForSilence(consumer, limitMs, (hadJoined) => {
    const message = `no sign of life from the consumer for ${limitMs} ms`
    // a consumer that never joined waits for Kafka. One that had joined may be stuck for ever: then
    // it is better to end the process than to seem alive
    end(hadJoined ? new ConsumerFailed(message) : new Unavailable('kafka', message))
  })
}

/** Longer than a consumer may wait for anything, in milliseconds. */
function silenceLimitMs(settings: KafkaSettings): number {
  return rebalanceTimeoutMs(settings) + settings.sessionTimeoutMs + 2 * settings.requestTimeoutMs
}
