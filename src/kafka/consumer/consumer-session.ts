/**
 * The life of one kafkajs consumer, from connecting to its end. It is never restarted: kafkajs
 * can do so itself, but then a stop meanwhile may be lost (tulios/kafkajs#1639), and it takes
 * a wrong password for the end of everything.
 */
import { Unavailable } from '../../pipeline/errors.ts'
import type { Log } from '../../pipeline/ports.ts'
import { consumerConfig, createClient } from '../client/client.ts'
import { withDeadline } from '../client/deadline.ts'
import type { Consumer, EachBatchHandler } from '../client/kafkajs.ts'
import type { KafkaSettings } from '../client/settings.ts'
import { ConsumerFailed } from './consumer-failed.ts'
import { removeFormerMember } from './former-member.ts'
import { watchForSilence } from './silence-watch.ts'

export interface SessionOptions {
  readonly settings: KafkaSettings
  readonly log: Log
  readonly eachBatch: EachBatchHandler
  /** The member that an earlier session was, if it could not leave the group. */
  readonly formerMember: string | undefined
  readonly onJoined: (joined: Joined) => void
  /** The first fetch was answered: Kafka is there, and we may read. */
  readonly onRunning: () => void
  /** The position is not in the topic (any more): reading goes on at its earliest record. */
  readonly onReset: (partition: number, position: bigint) => void
}

export interface Joined {
  readonly memberId: string
  readonly partitions: readonly number[]
  /** As of before the group was joined; undefined where the brokers give topics none. */
  readonly topicId: string | undefined
}

export interface Session {
  /** What ended it. Never rejects. */
  readonly ended: Promise<unknown>
  /** Reads on from there, whatever is in hand. */
  seek(partition: number, offset: bigint): void
  /** Lets the batches in hand finish, leaves the group and disconnects, or gives up on it. */
  close(deadlineMs: number): Promise<void>
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
    // kafkajs would ask five times more, and look well meanwhile
    end(new Unavailable('kafka', `broker ${broker} does not answer (${apiName})`))
  })
  listen(consumer, options, () => topicId)
  const limitMs = silenceLimitMs(settings)
  const endWatch = watchForSilence(consumer, limitMs, (hadJoined) => {
    const message = `no sign of life from the consumer for ${limitMs} ms`
    // of what never came about, it is an outage; of what ran, nobody knows: better to end than
    // to look alive
    end(hadJoined ? new ConsumerFailed(message) : new Unavailable('kafka', message))
  })
  const closing = new AbortController()
  const started = start(consumer, options, closing.signal).catch(end)
  return {
    ended,
    seek: (partition, offset) => {
      const { topic } = settings
      consumer.resume([{ topic, partitions: [partition] }])
      consumer.seek({ topic, partition, offset: String(offset) })
    },
    close: async (deadlineMs) => {
      endWatch()
      closing.abort()
      end(undefined)
      // a connection that only comes about now must not stay behind
      started.then(() => consumer.disconnect()).catch(() => {})
      try {
        await withDeadline(consumer.disconnect(), deadlineMs, 'leaving the consumer group')
      } catch (error) {
        // the group finds out by the session timeout; nobody waits for it here
        log.debug({ error: String(error) }, 'the consumer was left as it is')
      }
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
    // what was stopped may have been skipped meanwhile; if not, it stops again
    consumer.resume([{ topic, partitions }])
    options.onJoined({ memberId: payload.memberId, partitions, topicId: topicId() })
  })
  consumer.on(consumer.events.FETCH, () => {
    if (!isRunning) options.onRunning()
    isRunning = true
  })
}

/** How long the group waits for a member that works on a batch, before it goes on without. */
function rebalanceTimeoutMs({ sessionTimeoutMs }: KafkaSettings): number {
  return Math.max(sessionTimeoutMs, 60_000)
}

/** Longer than anything that a consumer may wait for. */
function silenceLimitMs(settings: KafkaSettings): number {
  return rebalanceTimeoutMs(settings) + settings.sessionTimeoutMs + 2 * settings.requestTimeoutMs
}
