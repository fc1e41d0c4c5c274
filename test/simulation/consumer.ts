/**
 * Models the consumer of a worker:
 *   - kafkajs' Runner and FetchManager: fetch loops, the queue of batches, retries and rejoins;
 *   - the sessions of src/kafka/consumer/consumer.ts: restart after a failure, deadlines, shutdown.
 *
 * The handling of batches (handleBatch, BatchesInFlight, PartitionStates) is the real code.
 *
 * Left out: connections, authentication, decoding of bytes.
 */
import { once } from 'node:events'
import { isKafkajsError } from '../../src/kafka/client/error-translation.ts'
import {
  type BatchHandler,
  type HandleBatch,
  handleBatch,
} from '../../src/kafka/consumer/batch-handler.ts'
import { BatchesInFlight } from '../../src/kafka/consumer/batches-in-flight.ts'
import type { ConsumerEvent } from '../../src/kafka/consumer/consumer.ts'
import { ConsumerFailed } from '../../src/kafka/consumer/consumer-failed.ts'
import { PartitionStates } from '../../src/kafka/consumer/partition-states.ts'
import type { Log } from '../../src/pipeline/ports.ts'
import { ConsumerGroup } from './consumer-group.ts'
import type { FetchedPartition, KafkaClient } from './kafka.ts'
import { payloadOf } from './payload.ts'

const STOP_TIMEOUT_MS = 10_000
const BATCHES_TIMEOUT_MS = 1000
const COMMIT_TIMEOUT_MS = 1000
const CLOSE_TIMEOUT_MS = 5000
const RETRIES = 5
/** Brokers that lead partitions; each has its own fetch loop. */
const BROKERS = 2

export interface ConsumerOptions {
  readonly client: KafkaClient
  readonly concurrency: number
  readonly log: Log
  readonly handle: HandleBatch
  readonly onEvent: (event: ConsumerEvent) => void
  readonly onFailed: (error: ConsumerFailed) => void
}

export class Consumer {
  readonly partitions: PartitionStates
  private readonly options: ConsumerOptions
  private readonly stopping = new AbortController()
  private readonly stopped = once(this.stopping.signal, 'abort')
  private current: ConsumerGroup | undefined
  private isRunning = false
  private endSession = () => {}
  /** Batches that wait because as many as `concurrency` are being handled. */
  private queue: (() => Promise<void>)[] = []
  private busy = 0

  constructor(options: ConsumerOptions) {
    this.options = options
    const inFlight = new BatchesInFlight(options.concurrency)
    this.partitions = new PartitionStates(inFlight)
  }

  /** Runs one session after the other until `stop` is called. */
  async run(): Promise<void> {
    const { process } = this.options.client
    while (!this.stopping.signal.aborted) {
      await this.runSession()
      if (this.stopping.signal.aborted) return
      await process.sleep(process.scheduler.chance.within(125, 2000))
    }
  }

  stop(): void {
    this.stopping.abort()
  }

  seek(partition: number, offset: bigint): void {
    if (this.current === undefined || !this.partitions.seek(partition, offset)) return
    this.current.seek(partition, Number(offset))
  }

  /** Whether no batch is queued or handled and each partition is read up to `endOf` it. */
  isIdleAt(endOf: (partition: number) => number): boolean {
    const { current } = this
    if (current === undefined || current.isJoining || this.busy > 0 || this.queue.length > 0)
      return false
    return current.partitions.every(
      (partition) => current.positionOf(partition) === endOf(partition),
    )
  }

  get assigned(): readonly number[] {
    return this.current?.partitions ?? []
  }

  private async runSession(): Promise<void> {
    const { client, onEvent } = this.options
    const { process } = client
    const group = new ConsumerGroup(
      client,
      (partitions) => {
        this.partitions.assign(partitions)
        onEvent({ kind: 'assigned', partitions })
      },
      (partition) => onEvent({ kind: 'reset', partition }),
    )
    const failed = Promise.withResolvers<void>()
    this.endSession = failed.resolve
    this.current = group
    this.isRunning = true
    const running = this.runGroup(group)
    await Promise.race([running, failed.promise, this.stopped])
    this.current = undefined
    const isStopping = this.stopping.signal.aborted
    const within = (ms: number, work: Promise<unknown>) => Promise.race([work, process.sleep(ms)])
    const { inFlight, committer } = this.partitions
    await within(isStopping ? STOP_TIMEOUT_MS : BATCHES_TIMEOUT_MS, inFlight.settled())
    await within(COMMIT_TIMEOUT_MS, committer.settled())
    this.isRunning = false
    await within(isStopping ? STOP_TIMEOUT_MS : CLOSE_TIMEOUT_MS, running)
    try {
      await group.leave()
    } catch {
      // the coordinator removes the member when its session times out
    }
    this.partitions.assign([])
    onEvent({ kind: 'assigned', partitions: [] })
    await running // the remaining batches end by themselves, as nothing is assigned any more
  }

  /** As kafkajs' Runner: retries after errors, and rejoins the group first where that helps. */
  private async runGroup(group: ConsumerGroup): Promise<void> {
    let failures = 0
    let mustJoin = true
    while (this.isRunning && failures <= RETRIES) {
      try {
        if (mustJoin) await group.join()
        mustJoin = false
        await this.fetchLoops(group)
      } catch (error) {
        if (!isKafkajsError(error)) throw error
        const { type, retriable } = error as { type?: string; retriable?: boolean }
        if (type === 'UNKNOWN_MEMBER_ID') group.memberId = undefined
        mustJoin ||= type !== undefined && REJOINABLE.has(type)
        if (!mustJoin && retriable === false) return
        failures++
        if (!mustJoin || failures > 1) {
          await this.options.client.process.sleep(Math.min(1000, 100 * 2 ** failures))
        }
      }
    }
  }

  /** As kafkajs' FetchManager: one loop per broker. If one fails, the others finish their batches. */
  private async fetchLoops(group: ConsumerGroup): Promise<void> {
    let isFetching = true
    const loop = async (broker: number) => {
      try {
        while (isFetching && this.isRunning) {
          const fetched = await group.fetch((partition) => partition % BROKERS === broker)
          if (!isFetching) return
          const batches = fetched.filter(({ entries }) => entries.length > 0)
          if (batches.length === 0) await group.heartbeat()
          const handled = batches.map((batch) => this.enqueue(group, batch))
          const failed = (await Promise.allSettled(handled)).find(
            (result) => result.status === 'rejected',
          )
          if (failed !== undefined) throw failed.reason
        }
      } finally {
        isFetching = false
      }
    }
    const loops = Array.from({ length: BROKERS }, (_, broker) => loop(broker))
    const failed = (await Promise.allSettled(loops)).find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
  }

  private enqueue(group: ConsumerGroup, fetched: FetchedPartition): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.queue.push(() => this.handleOne(group, fetched).then(resolve, reject))
    this.startQueued()
    return promise
  }

  private startQueued(): void {
    while (this.busy < this.options.concurrency) {
      const next = this.queue.shift()
      if (next === undefined) return
      this.busy++
      next().finally(() => {
        this.busy--
        this.startQueued()
      })
    }
  }

  private async handleOne(group: ConsumerGroup, fetched: FetchedPartition): Promise<void> {
    if (!this.isRunning) return
    await handleBatch(payloadOf(group, fetched), this.handler)
    await group.heartbeat()
  }

  private get handler(): BatchHandler {
    const { handle, log } = this.options
    const onFailed = (error: unknown) => {
      if (error instanceof ConsumerFailed) this.options.onFailed(error)
      this.endSession()
    }
    return { handle, log, onFailed, partitions: this.partitions, signal: this.stopping.signal }
  }
}

const REJOINABLE = new Set(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID'])
