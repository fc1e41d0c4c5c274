/** Kafka as its clients meet it: requests, each on its way, and the broker's errors. */
import type { DeadLetter } from '../../src/domain/dead-letter.ts'
import { kafkajs } from '../../src/kafka/client/kafkajs.ts'
import { Unavailable } from '../../src/pipeline/errors.ts'
import type { DeadLetterTopic, PartitionOffsets } from '../../src/pipeline/ports.ts'
import { type Commit, Coordinator, type GroupError, type Membership } from './coordinator.ts'
import { type Request, send, type Way } from './network.ts'
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
  /** Of the topic. */
  readonly incarnation: number
  readonly entries: readonly LogEntry[]
}

export class Kafka {
  readonly topic: Topic
  readonly group: Coordinator
  /** Dead letters that were taken. */
  readonly letters: DeadLetter[] = []
  /** Share of writes to the dead-letter topic that it refuses, in part. */
  refusedShare = 0
  /** Share of fetches whose leader has moved: the consumer joins anew, in the middle of batches. */
  movedShare = 0
  /**
   * Set once a commit was refused, or not answered in time. It is not sent again before the next
   * batch, and may yet come, behind a later one: then the offset stays behind while nothing comes.
   */
  hasFailedCommit = false
  /** Told of where a partition is read from. */
  onFetch: (partition: number, offset: number) => void = () => {}
  private readonly scheduler: Scheduler
  /** Fetches that wait for records. */
  private readonly waiting = new Set<() => void>()

  constructor(scheduler: Scheduler, partitions: number) {
    this.scheduler = scheduler
    this.topic = new Topic(partitions)
    this.group = new Coordinator(scheduler, partitions, protocolError)
  }

  /** Calls back once there is more to read, or after a while. */
  waitForRecords(answer: () => void): void {
    const answerOnce = () => {
      timeout.isCancelled = true
      if (this.waiting.delete(answerOnce)) answer()
    }
    const timeout = this.scheduler.after(MAX_WAIT_MS, 'a fetch waited', answerOnce)
    this.waiting.add(answerOnce)
  }

  /** Records were published, or the topic changed: fetches wait no longer. */
  wake(): void {
    for (const answerOnce of [...this.waiting]) answerOnce()
  }

  /** What a fetch brings, or an error that the broker answers with. */
  fetch(positions: ReadonlyMap<number, number>): FetchedPartition[] | Error {
    const { chance } = this.scheduler
    if (chance.happens(this.movedShare)) return protocolError('NOT_LEADER_FOR_PARTITION')
    const fetched: FetchedPartition[] = []
    for (const [partition, fetchOffset] of positions) {
      const { start, end } = this.topic.partition(partition)
      if (fetchOffset < start || fetchOffset > end) return outOfRange(partition)
      const entries = this.topic.partition(partition).from(fetchOffset)
      const { incarnation } = this.topic
      this.onFetch(partition, fetchOffset)
      const some = entries.slice(0, chance.between(1, 8))
      fetched.push({ partition, fetchOffset, highWatermark: end, incarnation, entries: some })
    }
    return fetched
  }

  take(letters: readonly DeadLetter[]): boolean {
    const { chance } = this.scheduler
    const isRefused = chance.happens(this.refusedShare)
    this.letters.push(...(isRefused ? letters.slice(0, chance.below(letters.length)) : letters))
    return !isRefused
  }
}

/** What one process asks of Kafka. */
export class KafkaClient {
  readonly process: Process
  readonly kafka: Kafka
  private readonly way: Way

  constructor(process: Process, kafka: Kafka, way: Way) {
    this.process = process
    this.kafka = kafka
    this.way = way
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

  /** The commits first: what is committed meanwhile would seem to be beyond the end. */
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
    write: async (letters) => {
      try {
        await this.ask(`${letters.length} dead letters`, () =>
          this.kafka.take(letters) ? undefined : new Error('refused'),
        )
      } catch (error) {
        throw new Unavailable('kafka', String(error))
      }
    },
  }

  /** A request that is answered at once; an error that is returned is the answer. */
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
    const lost = () => new kafkajs.KafkaJSError(`no answer: ${label}`)
    return send(this.process, this.way, { label, timeoutMs, lost, serve })
  }
}

type BrokerError = GroupError | 'NOT_LEADER_FOR_PARTITION'

/** As kafkajs throws what the broker answered. */
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
