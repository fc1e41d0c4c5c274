/**
 * Reads a range of the topic once, beside the workers. It uses a consumer group of its own, commits
 * nothing, and deletes that group at the end.
 *
 * The states of a scan and their transitions:
 *
 *     joining  -> reading   GROUP_JOIN: seeks to the start of each range
 *     reading  -> reading   a batch was passed to onRecords; or a rebalance: seeks again
 *              -> done      the last range is read to its end
 *     any      -> failed    an error of Kafka, no answer for too long, or onRecords throws
 *              -> aborted   the signal
 *
 * In every case the consumer disconnects and the group is deleted.
 */
import { randomUUID } from 'node:crypto'
import type { KafkaRecord } from '../../domain/record.ts'
import { Unavailable } from '../../pipeline/errors.ts'
import type { Log } from '../../pipeline/ports.ts'
import { askCluster } from '../client/admin.ts'
import { consumerConfig, createClient } from '../client/client.ts'
import { isKafkajsError, translate } from '../client/error-translation.ts'
import type { Consumer, EachBatchPayload } from '../client/kafkajs.ts'
import { rightsToRead } from '../client/rights.ts'
import type { KafkaSettings } from '../client/settings.ts'
import { withTimeout } from '../client/timeout.ts'
import { type FetchedRecord, fetchedRecords, type Undecodable } from '../wire/record-batch.ts'
import { readOffsets } from './offsets.ts'

export interface ScanOptions {
  readonly settings: KafkaSettings
  readonly log: Log
  /** The partitions to read, with the bounds of each. If left out: the whole topic. */
  readonly bounds?: ReadonlyMap<number, Bounds>
  /** Ends the scan early. */
  readonly signal?: AbortSignal
  /** Called with the records of a partition in order; one call at a time. */
  readonly onRecords: (partition: number, records: readonly KafkaRecord[]) => Promise<void> | void
  /**
   * Called with each batch that cannot be read and has an offset within the bounds. If left out,
   * such a batch ends the scan with an error.
   */
  readonly onUndecodable?: (partition: number, undecodable: Undecodable) => void
}

export interface Bounds {
  /** The first offset to read. If left out: the start of the partition. */
  readonly from?: bigint
  /** The offset to end before. If left out: the end of the partition when the scan begins. */
  readonly to?: bigint
}

/**
 * Passes every record within the bounds to `onRecords`.
 *
 * @throws the signal's reason if it is aborted; NotRetriable; Unavailable; what `onRecords` throws
 */
export async function scanTopic(options: ScanOptions): Promise<void> {
  const ranges = await rangesOf(options)
  options.signal?.throwIfAborted()
  if (ranges.size > 0) await new Scan(options, ranges).run()
}

/** What is left to read of a partition: offsets from `next` up to, but without, `end`. */
interface OffsetRange {
  next: bigint
  readonly end: bigint
}

async function rangesOf({ settings, log, bounds }: ScanOptions): Promise<Map<number, OffsetRange>> {
  const ranges = new Map<number, OffsetRange>()
  for (const { partition, start, end } of await readOffsets(settings, log)) {
    if (bounds !== undefined && !bounds.has(partition)) continue
    const { from, to } = bounds?.get(partition) ?? {}
    const first = from !== undefined && from > start ? from : start
    const last = to !== undefined && to < end ? to : end
    if (first < last) ranges.set(partition, { next: first, end: last })
  }
  return ranges
}

const CLOSE_TIMEOUT_MS = 5000

class Scan {
  private readonly options: ScanOptions
  private readonly ranges: Map<number, OffsetRange>
  private readonly groupId: string
  private readonly consumer: Consumer
  private readonly outcome = Promise.withResolvers<void>()
  private lastAnswerMs = performance.now()
  /** True during `onRecords`, which may take as long as it needs: only Kafka has a time limit. */
  private isDelivering = false
  private started: Promise<void> = Promise.resolve()

  constructor(options: ScanOptions, ranges: Map<number, OffsetRange>) {
    const { settings, log } = options
    this.options = options
    this.ranges = ranges
    // starts with the workers' group id, so that a right on that prefix covers it
    this.groupId = `${settings.groupId}.scan.${randomUUID()}`
    this.consumer = createClient(settings, log).consumer({
      ...consumerConfig(settings),
      groupId: this.groupId,
    })
  }

  async run(): Promise<void> {
    const { settings, signal } = this.options
    const { topic } = settings
    const onAbort = () => this.outcome.reject(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    const watch = setInterval(() => this.failIfSilent(), 1000).unref()
    this.listen()
    try {
      this.started = this.start().catch(this.outcome.reject)
      await this.outcome.promise
    } catch (error) {
      throw isKafkajsError(error)
        ? translate(error, `scanning topic ${topic}`, rightsToRead(settings))
        : error
    } finally {
      clearInterval(watch)
      signal?.removeEventListener('abort', onAbort)
      await this.close()
    }
  }

  private async start(): Promise<void> {
    const { settings, signal } = this.options
    await this.consumer.connect()
    await this.consumer.subscribe({ topics: [settings.topic], fromBeginning: true })
    signal?.throwIfAborted()
    await this.consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => this.onBatch(payload),
    })
  }

  private listen(): void {
    const { consumer, ranges } = this
    const { topic } = this.options.settings
    consumer.on(consumer.events.CRASH, ({ payload }) => this.outcome.reject(payload.error))
    consumer.on(consumer.events.FETCH, () => this.noteAnswer())
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      this.noteAnswer()
      for (const partition of payload.memberAssignment[topic] ?? []) {
        const range = ranges.get(partition)
        if (range === undefined) consumer.pause([{ topic, partitions: [partition] }])
        else consumer.seek({ topic, partition, offset: String(range.next) })
      }
    })
  }

  private async onBatch({ batch, resolveOffset, heartbeat }: EachBatchPayload): Promise<void> {
    const range = this.ranges.get(batch.partition)
    if (range === undefined) return
    this.isDelivering = true
    try {
      await this.deliver(batch.partition, range, fetchedRecords(batch.messages))
    } catch (error) {
      this.consumer.pause([{ topic: batch.topic }])
      this.outcome.reject(error)
      return
    } finally {
      this.isDelivering = false
      this.noteAnswer()
    }
    resolveOffset(batch.lastOffset())
    this.advance(batch.partition, BigInt(batch.lastOffset()) + 1n)
    await heartbeat()
  }

  private async deliver(
    partition: number,
    range: OffsetRange,
    fetched: readonly FetchedRecord[],
  ): Promise<void> {
    const { onRecords, onUndecodable } = this.options
    const isWanted = ({ offset }: FetchedRecord) =>
      BigInt(offset) >= range.next && BigInt(offset) < range.end
    const records = fetched.filter((each) => each.undecodable === undefined && isWanted(each))
    if (records.length > 0) await onRecords(partition, records)
    for (const { undecodable } of fetched) {
      if (undecodable === undefined || undecodable.firstOffset >= range.end) continue
      if (onUndecodable === undefined) throw unreadable(partition, undecodable)
      onUndecodable(partition, undecodable)
    }
  }

  private advance(partition: number, next: bigint): void {
    const range = this.ranges.get(partition)
    if (range === undefined) return
    range.next = next
    if (next < range.end) return
    this.ranges.delete(partition)
    if (this.ranges.size === 0) this.outcome.resolve()
    this.consumer.pause([{ topic: this.options.settings.topic, partitions: [partition] }])
  }

  private noteAnswer(): void {
    this.lastAnswerMs = performance.now()
  }

  private failIfSilent(): void {
    const limitMs = this.options.settings.sessionTimeoutMs + 60_000
    if (this.isDelivering || performance.now() - this.lastAnswerMs < limitMs) return
    const message = `scanning topic ${this.options.settings.topic}: no answer for ${limitMs} ms`
    this.outcome.reject(new Unavailable('kafka', message))
  }

  private async close(): Promise<void> {
    const { settings, log } = this.options
    try {
      // only once it has joined: a disconnect while kafkajs joins does not leave the group
      const leaving = this.started.then(() => this.consumer.disconnect())
      await withTimeout(leaving, CLOSE_TIMEOUT_MS, 'ending the scan')
      const doing = 'deleting the consumer group of a scan'
      const deleting = askCluster(settings, log, { doing, advice: '' }, (admin) =>
        admin.deleteGroups([this.groupId]),
      )
      await withTimeout(deleting, CLOSE_TIMEOUT_MS, doing)
    } catch (error) {
      // Kafka deletes an empty group itself, after offsets.retention.minutes
      log.debug({ error: String(error) }, 'could not delete the consumer group of a scan')
    }
  }
}

function unreadable(partition: number, { firstOffset, bytes, reason }: Undecodable): Error {
  return new Error(
    `the batch at offset ${firstOffset} of partition ${partition} (${bytes} bytes) cannot be ` +
      `read: ${reason}`,
  )
}
