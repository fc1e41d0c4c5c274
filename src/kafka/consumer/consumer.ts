/**
 * Reads the topic until it is stopped or fails, in one session after another (see
 * consumer-session.ts). The states and their transitions:
 *
 *     connecting -> reading      the first fetch of the session was answered
 *                -> away         an outage ended the session, or Kafka rejects us in a later session
 *                -> failed       Kafka rejects us, and no session ever fetched anything; or a bug
 *     reading    -> away         an outage ended the session, or Kafka rejects us
 *                -> failed       a bug
 *     away       -> connecting   after a wait, with capped, jittered backoff, without end
 *     failed                     for good: the process must end
 *     any        -> stopped      stop()
 *
 * An outage (brokers gone, a coordinator moving, a right withdrawn) is reported once, and so is its
 * end.
 */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { asOutage, NotRetriable, Unavailable } from '../../pipeline/errors.ts'
import type { Log } from '../../pipeline/ports.ts'
import { type BackoffRules, backoffMs } from '../../pipeline/retry.ts'
import { reasonOf, translate } from '../client/error-translation.ts'
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
  /** Called with the changes that the rest of the worker acts on. */
  readonly onEvent?: (event: ConsumerEvent) => void
}

export type ConsumerEvent =
  /** The partitions are ours from now on, and no others. */
  | { readonly kind: 'assigned'; readonly partitions: readonly number[] }
  /** Kafka is away. */
  | { readonly kind: 'outage'; readonly outage: Unavailable }
  /** Kafka is back. */
  | { readonly kind: 'recovered'; readonly outage: Unavailable }
  /** The topic no longer has our position: the partition continues at its earliest record. */
  | { readonly kind: 'reset'; readonly partition: number }

export interface ConsumerState {
  /** Whether a fetch was answered in the current session. */
  readonly isReading: boolean
  /** Set while Kafka is away. */
  readonly outage: Unavailable | undefined
  readonly partitions: readonly PartitionState[]
  readonly batchesInFlight: number
}

export interface RunningConsumer {
  /**
   * Resolves once nothing more is read: to undefined after `stop`, to NotRetriable if Kafka rejects
   * us at start, and to ConsumerFailed on a bug. Never rejects.
   */
  readonly ended: Promise<NotRetriable | ConsumerFailed | undefined>
  state(): ConsumerState
  /**
   * Continues to read the partition at that offset, even if the partition was stopped at a record.
   * Does nothing if it is not assigned to us.
   */
  seek(partition: number, offset: bigint): void
  /**
   * Lets the batches in flight finish or be abandoned, leaves the group, and disconnects. Resolves
   * after the timeout in any case.
   */
  stop(timeoutMs: number): Promise<void>
}

/** Starts to read the topic. */
export function startConsumer(options: ConsumerOptions): RunningConsumer {
  return new ReconnectingConsumer(options)
}

const BACKOFF: BackoffRules = { firstDelayMs: 250, maxDelayMs: 10_000, random: Math.random }
/** How long an ended session may take to disconnect before the next one begins. */
const CLOSE_TIMEOUT_MS = 5000
/** How long the batches in flight may take after a session ended by itself. */
const BATCHES_TIMEOUT_MS = 1000
/** How long the last commits may take before the worker leaves the group without them. */
const COMMIT_TIMEOUT_MS = 1000

class ReconnectingConsumer implements RunningConsumer {
  readonly ended: RunningConsumer['ended']
  private readonly options: ConsumerOptions
  private readonly partitions: PartitionStates
  private readonly stopping = new AbortController()
  private readonly stopRequested = once(this.stopping.signal, 'abort')
  /** Set by `stop`. */
  private stopTimeoutMs: number | undefined
  /** Whether Kafka ever answered a fetch. */
  private hasRead = false
  private isReading = false
  private currentSession: Session | undefined
  private outage: Unavailable | undefined
  /** Sessions that ended since a fetch was last answered. */
  private failures = 0
  private memberId: string | undefined
  /** Id of the topic, as of the latest join that reported one. */
  private topicId: string | undefined

  constructor(options: ConsumerOptions) {
    this.options = options
    const { concurrentPartitions } = options.settings
    this.partitions = new PartitionStates(new BatchesInFlight(concurrentPartitions))
    this.ended = this.run()
  }

  state(): ConsumerState {
    const { isReading, outage } = this
    const { inFlight } = this.partitions
    return { isReading, outage, partitions: this.partitions.list(), batchesInFlight: inFlight.size }
  }

  seek(partition: number, offset: bigint): void {
    if (this.currentSession === undefined || !this.partitions.seek(partition, offset)) return
    this.currentSession.seek(partition, offset)
  }

  async stop(timeoutMs: number): Promise<void> {
    this.stopTimeoutMs = timeoutMs
    this.stopping.abort()
    await within(timeoutMs, this.ended)
  }

  private async run(): Promise<NotRetriable | ConsumerFailed | undefined> {
    for (;;) {
      const fatal = await this.runSession()
      if (this.stopping.signal.aborted) return undefined
      if (fatal !== undefined) return fatal
      await this.backOff()
      if (this.stopping.signal.aborted) return undefined
    }
  }

  /** Runs one session from connecting to its end. Returns the error if it must end the process. */
  private async runSession(): Promise<NotRetriable | ConsumerFailed | undefined> {
    const { promise: failed, resolve: onFailed } = Promise.withResolvers<unknown>()
    const session = this.openSession(onFailed)
    this.currentSession = session
    const error = await Promise.race([session.ended, failed, this.stopRequested])
    this.isReading = false
    this.currentSession = undefined
    // report an outage before the session is closed: that may take long if Kafka does not answer
    const fatal = this.stopping.signal.aborted ? undefined : this.handleEnd(error)
    await this.closeSession(session)
    return fatal
  }

  private openSession(onFailed: (error: unknown) => void): Session {
    const { settings, log, handle, onEvent } = this.options
    const { partitions, stopping } = this
    const handler = { handle, log, signal: stopping.signal, partitions, onFailed }
    const session: Session = openSession({
      settings,
      log,
      eachBatch: (payload) => handleBatch(payload, handler),
      formerMember: this.memberId,
      onJoined: (joined) => this.onJoined(joined),
      onFirstFetch: () => {
        if (this.currentSession === session) this.onFirstFetch()
      },
      onReset: (partition, position) => {
        onEvent?.({ kind: 'reset', partition })
        void reportReset(settings, log, partition, position)
      },
    })
    return session
  }

  /** Finishes what is in flight, as far as the timeouts allow, then leaves the group. */
  private async closeSession(session: Session): Promise<void> {
    const { inFlight, committer } = this.partitions
    const timeoutMs = (otherwiseMs: number) => this.stopTimeoutMs ?? otherwiseMs
    // kafkajs waits neither for the batches nor for the commits, and Kafka takes no commit of a
    // member that has left
    await within(timeoutMs(BATCHES_TIMEOUT_MS), inFlight.settled())
    await within(COMMIT_TIMEOUT_MS, committer.settled())
    await session.close(timeoutMs(CLOSE_TIMEOUT_MS))
    this.partitions.assign([])
    this.options.onEvent?.({ kind: 'assigned', partitions: [] })
  }

  private onJoined({ memberId, partitions, topicId }: Joined): void {
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
    log.warn(facts, 'the topic was deleted and recreated: it is read from its beginning')
  }

  private onFirstFetch(): void {
    const { onEvent } = this.options
    this.hasRead = true
    this.isReading = true
    this.failures = 0
    if (this.outage === undefined) return
    onEvent?.({ kind: 'recovered', outage: this.outage })
    this.outage = undefined
  }

  /** Acts on the end of a session: returns the error if it must end the process, or reports an outage. */
  private handleEnd(error: unknown): NotRetriable | ConsumerFailed | undefined {
    const { settings, onEvent } = this.options
    if (error instanceof ConsumerFailed) return error
    const known = translate(error, `reading topic ${settings.topic}`, rightsToRead(settings))
    if (known instanceof NotRetriable && !this.hasRead) return known
    const outage = asOutage(known)
    if (!(outage instanceof Unavailable)) {
      return new ConsumerFailed(`the Kafka client hit a bug: ${reasonOf(error)}`, { cause: error })
    }
    if (this.outage === undefined) onEvent?.({ kind: 'outage', outage })
    this.outage = outage
    return undefined
  }

  private async backOff(): Promise<void> {
    const waitMs = backoffMs(this.failures++, BACKOFF)
    try {
      await sleep(waitMs, undefined, { signal: this.stopping.signal })
    } catch {
      // sleep rejects only when a stop ends it, which the caller checks
    }
  }
}

/** Resolves once the work is done, or after that many milliseconds. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  await Promise.race([work, sleep(ms, undefined, { ref: false })])
}
