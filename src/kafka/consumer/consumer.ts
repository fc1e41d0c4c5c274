/**
 * Reads the topic for as long as the process lives.
 *
 * connecting → reading ⇄ away → stopped, or failed. While it is away (brokers gone, a
 * coordinator moving, a right withdrawn) it tries again with capped, jittered backoff, for
 * ever; of an outage it tells once. Only before the first fetch is a refusal the end.
 */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { NotRetriable, Unavailable } from '../../pipeline/errors.ts'
import type { Log } from '../../pipeline/ports.ts'
import { type BackoffRules, backoffMs } from '../../pipeline/retry.ts'
import { reasonOf, translate } from '../client/failures.ts'
import { rightsToRead } from '../client/rights.ts'
import type { KafkaSettings } from '../client/settings.ts'
import { type HandleBatch, handleBatch } from './batch-handler.ts'
import { BatchesInFlight } from './batches-in-flight.ts'
import { ConsumerFailed } from './consumer-failed.ts'
import { type Joined, openSession, type Session } from './consumer-session.ts'
import { type PartitionState, PartitionStates } from './partition-states.ts'
import { reportReset } from './reset-report.ts'

export interface ConsumerOptions {
  readonly settings: KafkaSettings
  readonly log: Log
  readonly handle: HandleBatch
  /** Told of changes that others act on. */
  readonly onEvent?: (event: ConsumerEvent) => void
}

export type ConsumerEvent =
  | { readonly kind: 'assigned'; readonly partitions: readonly number[] }
  | { readonly kind: 'lost'; readonly outage: Unavailable }
  | { readonly kind: 'back'; readonly outage: Unavailable }
  | { readonly kind: 'reset'; readonly partition: number }

export interface ConsumerState {
  /** Whether Kafka answered our latest fetch. */
  readonly isReading: boolean
  /** Set while Kafka is away. */
  readonly outage: Unavailable | undefined
  readonly partitions: readonly PartitionState[]
  readonly batchesInFlight: number
}

export interface RunningConsumer {
  /**
   * Settles once nothing more is read: undefined after `stop`; NotRetriable where Kafka does not
   * let us read at start; ConsumerFailed on a bug. Never rejects.
   */
  readonly ended: Promise<NotRetriable | ConsumerFailed | undefined>
  state(): ConsumerState
  /** Reads the partition on from there, also where it had stopped; nothing where it is not ours. */
  seek(partition: number, offset: bigint): void
  /** Lets the batches in hand finish or be given up, leaves the group, disconnects. */
  stop(deadlineMs: number): Promise<void>
}

export function startConsumer(options: ConsumerOptions): RunningConsumer {
  const consumer = new ConsumerLife(options)
  const ended = consumer.live()
  return {
    ended,
    state: () => consumer.state(),
    seek: (partition, offset) => consumer.seek(partition, offset),
    stop: async (deadlineMs) => {
      consumer.stop(deadlineMs)
      await Promise.race([ended, sleep(deadlineMs, undefined, { ref: false })])
    },
  }
}

const BACKOFF: BackoffRules = { firstDelayMs: 250, maxDelayMs: 10_000, random: Math.random }
/** How long an ended session may take to clean up before the next one begins. */
const CLOSE_DEADLINE_MS = 5000
/** How long the batches in hand may take once a session failed. */
const BATCHES_DEADLINE_MS = 1000
/** How long the last commits may take before the group is left without them. */
const COMMIT_DEADLINE_MS = 1000

class ConsumerLife {
  private readonly options: ConsumerOptions
  private readonly partitions: PartitionStates
  private readonly stopping = new AbortController()
  private readonly stopped = once(this.stopping.signal, 'abort')
  private stopDeadlineMs = CLOSE_DEADLINE_MS
  private hasRead = false
  private isReading = false
  private current: Session | undefined
  private outage: Unavailable | undefined
  private failures = 0
  private memberId: string | undefined
  /** Of the topic as it was joined last. */
  private topicId: string | undefined

  constructor(options: ConsumerOptions) {
    this.options = options
    const { concurrentPartitions } = options.settings
    this.partitions = new PartitionStates(new BatchesInFlight(concurrentPartitions))
  }

  async live(): Promise<NotRetriable | ConsumerFailed | undefined> {
    for (;;) {
      const fatal = await this.session()
      if (this.stopping.signal.aborted) return undefined
      if (fatal !== undefined) return fatal
      await this.pause()
      if (this.stopping.signal.aborted) return undefined
    }
  }

  state(): ConsumerState {
    const { isReading, outage } = this
    const { inFlight } = this.partitions
    return { isReading, outage, partitions: this.partitions.list(), batchesInFlight: inFlight.size }
  }

  seek(partition: number, offset: bigint): void {
    if (this.current === undefined || !this.partitions.seek(partition, offset)) return
    this.current.seek(partition, offset)
  }

  stop(deadlineMs: number): void {
    this.stopDeadlineMs = deadlineMs
    this.stopping.abort()
  }

  /** From connecting to the end of a session; resolves to what ends everything, if that did. */
  private async session(): Promise<NotRetriable | ConsumerFailed | undefined> {
    const { settings, log, handle, onEvent } = this.options
    const { signal } = this.stopping
    const failed = Promise.withResolvers<unknown>()
    const handler = {
      handle,
      log,
      signal,
      partitions: this.partitions,
      onFailed: failed.resolve,
    }
    const session: Session = openSession({
      settings,
      log,
      eachBatch: (payload) => handleBatch(payload, handler),
      formerMember: this.memberId,
      onJoined: (joined) => this.joined(joined),
      onRunning: () => {
        if (this.current === session) this.running()
      },
      onReset: (partition, position) => {
        onEvent?.({ kind: 'reset', partition })
        void reportReset(settings, log, partition, position)
      },
    })
    this.current = session
    const error = await Promise.race([session.ended, failed.promise, this.stopped])
    this.isReading = false
    this.current = undefined
    // told at once: to close may take long where nobody answers
    const fatal = signal.aborted ? undefined : this.fatal(error)
    const { inFlight, committer } = this.partitions
    // kafkajs does not wait for them, and once the group is left it takes no commits
    await within(signal.aborted ? this.stopDeadlineMs : BATCHES_DEADLINE_MS, inFlight.settled())
    await within(COMMIT_DEADLINE_MS, committer.settled())
    await session.close(signal.aborted ? this.stopDeadlineMs : CLOSE_DEADLINE_MS)
    this.partitions.assign([])
    onEvent?.({ kind: 'assigned', partitions: [] })
    return fatal
  }

  private joined({ memberId, partitions, topicId }: Joined): void {
    const { settings, log, onEvent } = this.options
    this.memberId = memberId
    this.partitions.assign(partitions, topicId)
    this.reportNewTopic(topicId)
    log.info(
      { topic: settings.topic, group: settings.groupId, partitions },
      partitions.length === 0
        ? 'joined the consumer group; other workers have all the partitions'
        : `joined the consumer group with partitions ${partitions.join(', ')}`,
    )
    onEvent?.({ kind: 'assigned', partitions })
  }

  private reportNewTopic(topicId: string | undefined): void {
    const { settings, log } = this.options
    const former = this.topicId
    this.topicId = topicId ?? former
    if (former === undefined || this.topicId === former) return
    const facts = { topic: settings.topic, former, topicId }
    log.warn(facts, 'the topic was deleted and made anew: it is read from its beginning')
  }

  private running(): void {
    const { onEvent } = this.options
    this.hasRead = true
    this.isReading = true
    this.failures = 0
    if (this.outage === undefined) return
    onEvent?.({ kind: 'back', outage: this.outage })
    this.outage = undefined
  }

  /** What ends everything; undefined where it is an outage, which is told of if it is news. */
  private fatal(error: unknown): NotRetriable | ConsumerFailed | undefined {
    const { settings, onEvent } = this.options
    if (error instanceof ConsumerFailed) return error
    const known = translate(error, `reading topic ${settings.topic}`, rightsToRead(settings))
    if (known instanceof NotRetriable && !this.hasRead) return known
    if (!(known instanceof NotRetriable) && !(known instanceof Unavailable)) {
      return new ConsumerFailed(`the Kafka client hit a bug: ${reasonOf(error)}`, { cause: error })
    }
    const outage = new Unavailable('kafka', known.message, { cause: error })
    if (this.outage === undefined) onEvent?.({ kind: 'lost', outage })
    this.outage = outage
    return undefined
  }

  private async pause(): Promise<void> {
    const waitMs = backoffMs(this.failures++, BACKOFF)
    try {
      await sleep(waitMs, undefined, { signal: this.stopping.signal })
    } catch {
      // a stop cut the wait short, which is all that can fail of it; the caller looks
    }
  }
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  await Promise.race([work, sleep(ms, undefined, { ref: false })])
}
