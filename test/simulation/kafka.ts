/**
 * Models Kafka as its clients see it: requests that may be late or lost, and the broker's errors.
 *
 * Left out: several brokers (fetches only pretend that a leader has moved), replication,
 * transactions, and the bytes of the protocol.
 */
import type { DeadLetter } from '../../src/domain/dead-letter.ts'
import { kafkajs } from '../../src/kafka/client/kafkajs.ts'
import { Unavailable } from '../../src/pipeline/errors.ts'
import type { DeadLetterTopic, PartitionOffsets } from '../../src/pipeline/ports.ts'
import { type Commit, Coordinator, type GroupError, type Membership } from './coordinator.ts'
import { type Link, type Request, send } from './network.ts'
import type { Process } from './process.ts'
import type { Scheduler } from './scheduler.ts'
import { type LogEntry, Topic } from './topic.ts'

export const TOPIC = 'groups'
const REQUEST_TIMEOUT_MS = 5000
export const MAX_WAIT_MS = 1000

export interface FetchedPartition {
  readonly partition: number
  readonly fetchOffset: number
  readonly highWatermark: number
  /** The topic that it was fetched from. */
  readonly topicId: number
  readonly entries: readonly LogEntry[]
}

export class Kafka {
  readonly topic: Topic
  readonly group: Coordinator
  /** Dead letters that were accepted. */
  readonly deadLetters: DeadLetter[] = []
  /** Share of writes to the dead-letter topic that fail; some of their records are written. */
  rejectedShare = 0
  /** Share of fetches whose leader has moved: the consumer rejoins while batches are in flight. */
  movedShare = 0
  /**
   * Set once a commit failed or was not answered in time. It is not retried before the next batch,
   * and may still arrive, even after a later one. So the committed offset may stay too low while
   * no more records come.
   */
  hasFailedCommit = false
  /** Called with the offset that a partition is fetched from. */
  onFetch: (partition: number, offset: number) => void = () => {}
  private readonly scheduler: Scheduler
  /** Fetches that wait for records. */
  private readonly waiting = new Set<() => void>()

  constructor(scheduler: Scheduler, partitions: number) {
    this.scheduler = scheduler
    this.topic = new Topic(partitions)
    this.group = new Coordinator(scheduler, partitions, protocolError)
  }

  /** Calls `answer` once records are published, or after the fetch's maximum wait. */
  waitForRecords(answer: () => void): void {
    const answerOnce = () => {
      timeout.isCancelled = true
      if (this.waiting.delete(answerOnce)) answer()
    }
    const timeout = this.scheduler.after(MAX_WAIT_MS, 'a fetch has waited long enough', answerOnce)
    this.waiting.add(answerOnce)
  }

  /** Answers the waiting fetches: records were published, or the topic changed. */
  wake(): void {
    for (const answerOnce of [...this.waiting]) answerOnce()
  }

  /** Returns what a fetch finds, or the broker's error. */
  fetch(positions: ReadonlyMap<number, number>): FetchedPartition[] | Error {
    const { chance } = this.scheduler
    if (chance.happens(this.movedShare)) return protocolError('NOT_LEADER_FOR_PARTITION')
    const fetched: FetchedPartition[] = []
    for (const [partition, fetchOffset] of positions) {
      const { start, end } = this.topic.partition(partition)
      if (fetchOffset < start || fetchOffset > end) return outOfRange(partition)
      const entries = this.topic.partition(partition).from(fetchOffset)
      const topicId = this.topic.id
      this.onFetch(partition, fetchOffset)
      const some = entries.slice(0, chance.between(1, 8))
      fetched.push({ partition, fetchOffset, highWatermark: end, topicId, entries: some })
    }
    return fetched
  }

  /** Stores the dead letters; returns false if the write fails, with only some of them stored. */
  writeDeadLetters(deadLetters: readonly DeadLetter[]): boolean {
    const { chance } = this.scheduler
    const isRejected = chance.happens(this.rejectedShare)
    this.deadLetters.push(
      ...(isRejected ? deadLetters.slice(0, chance.below(deadLetters.length)) : deadLetters),
    )
    return !isRejected
  }
}

/** The requests of one process to Kafka. */
export class KafkaClient {
  readonly process: Process
  readonly kafka: Kafka
  private readonly link: Link

  constructor(process: Process, kafka: Kafka, link: Link) {
    this.process = process
    this.kafka = kafka
    this.link = link
  }

  join(memberId: string | undefined): Promise<Membership> {
    const { group } = this.kafka
    return this.request('join', (reply) => group.join(memberId, reply), 30_000)
  }

  leave(memberId: string): Promise<void> {
    return this.ask('leave', () => this.kafka.group.leave(memberId))
  }

  heartbeat(memberId: string, generation: number): Promise<void> {
    return this.ask('heartbeat', () => errorOf(this.kafka.group.heartbeat(memberId, generation)))
  }

  async commit(
    memberId: string,
    generation: number,
    commits: ReadonlyMap<number, Commit>,
  ): Promise<void> {
    const what = Array.from(commits, ([partition, { offset }]) => `${partition}:${offset}`)
    try {
      await this.ask<undefined>(`commit ${what} (generation ${generation})`, () =>
        errorOf(this.kafka.group.commit(memberId, generation, commits)),
      )
    } catch (error) {
      this.kafka.hasFailedCommit = true
      throw error
    }
  }

  fetch(positions: ReadonlyMap<number, number>): Promise<FetchedPartition[]> {
    const what = Array.from(positions, ([partition, offset]) => `${partition}:${offset}`)
    return this.request(`fetch ${what}`, (reply) => {
      const answer = () => {
        const fetched = this.kafka.fetch(positions)
        if (fetched instanceof Error) return reply({ error: fetched })
        reply({ value: fetched })
      }
      const hasRecords = Array.from(positions).some(([partition, offset]) => {
        const { start, end } = this.kafka.topic.partition(partition)
        return offset !== end || offset < start
      })
      if (hasRecords) answer()
      else this.kafka.waitForRecords(answer)
    })
  }

  bounds(): Promise<{ start: number; end: number }[]> {
    return this.ask('bounds', () =>
      this.kafka.topic.partitions.map(({ start, end }) => ({ start, end })),
    )
  }

  commits(): Promise<ReadonlyMap<number, Commit>> {
    return this.ask('commits', () => new Map(this.kafka.group.commits))
  }

  /** Reads the commits before the ends: a commit made in between would seem to be beyond the end. */
  async offsets(): Promise<PartitionOffsets[]> {
    try {
      const commits = await this.commits()
      const bounds = await this.bounds()
      return bounds.map(({ start, end }, partition) => {
        const commit = commits.get(partition)
        const committed = commit?.offset ?? -1
        return {
          partition,
          start: BigInt(start),
          end: BigInt(end),
          next: BigInt(Math.max(start, committed)),
          committed: commit?.metadata === 'group-traits' ? BigInt(committed) : undefined,
        }
      })
    } catch (error) {
      throw new Unavailable('kafka', String(error))
    }
  }

  readonly deadLetters: DeadLetterTopic = {
    write: async (deadLetters) => {
      try {
        await this.ask(`write ${deadLetters.length} dead letters`, () =>
          this.kafka.writeDeadLetters(deadLetters) ? undefined : new Error('rejected'),
        )
      } catch (error) {
        throw new Unavailable('kafka', String(error))
      }
    },
  }

  /** Sends a request that is answered at once. If `answer` returns an error, that is the reply. */
  private ask<Result>(label: string, answer: () => Result | Error): Promise<Result> {
    return this.request<Result>(label, (reply) => {
      const result = answer()
      if (result instanceof Error) reply({ error: result })
      else reply({ value: result })
    })
  }

  private request<Result>(
    label: string,
    serve: Request<Result>['serve'],
    timeoutMs = REQUEST_TIMEOUT_MS,
  ): Promise<Result> {
    const timeoutError = () => new kafkajs.KafkaJSError(`no answer: ${label}`)
    return send(this.process, this.link, { label, timeoutMs, timeoutError, serve })
  }
}

type BrokerError = GroupError | 'NOT_LEADER_FOR_PARTITION'

/** The error that kafkajs throws for this answer of the broker. */
function protocolError(type: BrokerError): Error {
  const retriable = type === 'NOT_LEADER_FOR_PARTITION'
  return Object.assign(new kafkajs.KafkaJSError(type, { retriable }), { type })
}

function errorOf(type: GroupError | undefined): Error | undefined {
  return type && protocolError(type)
}

function outOfRange(partition: number): Error {
  return Object.assign(new kafkajs.KafkaJSError('OFFSET_OUT_OF_RANGE'), {
    name: 'KafkaJSOffsetOutOfRange',
    partition,
  })
}
