/**
 * Reads a stretch of the topic, once, beside the workers: under a group id of its own that is
 * thrown away, committing nothing.
 */
import { randomUUID } from 'node:crypto'
import type { KafkaRecord } from '../../domain/record.ts'
import { Unavailable } from '../../pipeline/errors.ts'
import type { Log } from '../../pipeline/ports.ts'
import { askCluster } from '../client/admin.ts'
import { consumerConfig, createClient } from '../client/client.ts'
import { withDeadline } from '../client/deadline.ts'
import { isKafkajsError, translate } from '../client/failures.ts'
import type { Consumer, EachBatchPayload } from '../client/kafkajs.ts'
import { rightsToRead } from '../client/rights.ts'
import type { KafkaSettings } from '../client/settings.ts'
import { type FetchedRecord, fetchedRecords, type Undecodable } from '../wire/record-batch.ts'
import { readOffsets } from './offsets.ts'

export interface ScanOptions {
  readonly settings: KafkaSettings
  readonly log: Log
  /** Which partitions are read, and what of each; all of all where it is left out. */
  readonly bounds?: ReadonlyMap<number, Bounds>
  /** Ends the scan early. */
  readonly signal?: AbortSignal
  /** In order within a partition; one call at a time. */
  readonly onRecords: (partition: number, records: readonly KafkaRecord[]) => Promise<void> | void
  /**
   * A batch that nobody can read, with any offset within the bounds; without it, such a batch
   * ends the scan with an error.
   */
  readonly onUndecodable?: (partition: number, undecodable: Undecodable) => void
}

export interface Bounds {
  /** The first offset; the start of the log where it is left out. */
  readonly from?: bigint
  /** The offset to end before; where the log ends as the scan begins if it is left out. */
  readonly to?: bigint
}

/**
 * Resolves once every record within the bounds was given to `onRecords`.
 *
 * @throws the signal's reason where it was aborted; NotRetriable; Unavailable; what `onRecords` throws
 */
export async function scanTopic(options: ScanOptions): Promise<void> {
  const stretches = await stretchesOf(options)
  options.signal?.throwIfAborted()
  if (stretches.size > 0) await new Scan(options, stretches).run()
}

interface Stretch {
  next: bigint
  readonly end: bigint
}

async function stretchesOf({ settings, log, bounds }: ScanOptions): Promise<Map<number, Stretch>> {
  const stretches = new Map<number, Stretch>()
  for (const { partition, start, end } of await readOffsets(settings, log)) {
    if (bounds !== undefined && !bounds.has(partition)) continue
    const { from, to } = bounds?.get(partition) ?? {}
    const first = from !== undefined && from > start ? from : start
    const last = to !== undefined && to < end ? to : end
    if (first < last) stretches.set(partition, { next: first, end: last })
  }
  return stretches
}

const CLOSE_DEADLINE_MS = 5000

class Scan {
  private readonly options: ScanOptions
  private readonly stretches: Map<number, Stretch>
  private readonly groupId: string
  private readonly consumer: Consumer
  private readonly outcome = Promise.withResolvers<void>()
  private lastSignMs = performance.now()
  /** Whoever takes the records may wait for as long as need be: that is no silence of Kafka. */
  private isGiving = false
  private started: Promise<void> = Promise.resolve()

  constructor(options: ScanOptions, stretches: Map<number, Stretch>) {
    const { settings, log } = options
    this.options = options
    this.stretches = stretches
    // begins like the workers' group, so that a right on that prefix covers it
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
    const watch = setInterval(() => this.assertAlive(), 1000).unref()
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
      eachBatch: (payload) => this.take(payload),
    })
  }

  private listen(): void {
    const { consumer, stretches } = this
    const { topic } = this.options.settings
    consumer.on(consumer.events.CRASH, ({ payload }) => this.outcome.reject(payload.error))
    consumer.on(consumer.events.FETCH, () => this.sign())
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      this.sign()
      for (const partition of payload.memberAssignment[topic] ?? []) {
        const stretch = stretches.get(partition)
        if (stretch === undefined) consumer.pause([{ topic, partitions: [partition] }])
        else consumer.seek({ topic, partition, offset: String(stretch.next) })
      }
    })
  }

  private async take({ batch, resolveOffset, heartbeat }: EachBatchPayload): Promise<void> {
    const stretch = this.stretches.get(batch.partition)
    if (stretch === undefined) return
    this.isGiving = true
    try {
      await this.give(batch.partition, stretch, fetchedRecords(batch.messages))
    } catch (error) {
      this.consumer.pause([{ topic: batch.topic }])
      this.outcome.reject(error)
      return
    } finally {
      this.isGiving = false
      this.sign()
    }
    resolveOffset(batch.lastOffset())
    this.advance(batch.partition, BigInt(batch.lastOffset()) + 1n)
    await heartbeat()
  }

  private async give(
    partition: number,
    stretch: Stretch,
    fetched: readonly FetchedRecord[],
  ): Promise<void> {
    const { onRecords, onUndecodable } = this.options
    const isWanted = ({ offset }: FetchedRecord) =>
      BigInt(offset) >= stretch.next && BigInt(offset) < stretch.end
    const records = fetched.filter((each) => each.undecodable === undefined && isWanted(each))
    if (records.length > 0) await onRecords(partition, records)
    for (const { undecodable } of fetched) {
      if (undecodable === undefined || undecodable.firstOffset >= stretch.end) continue
      if (onUndecodable === undefined) throw unreadable(partition, undecodable)
      onUndecodable(partition, undecodable)
    }
  }

  private advance(partition: number, next: bigint): void {
    const stretch = this.stretches.get(partition)
    if (stretch === undefined) return
    stretch.next = next
    if (next < stretch.end) return
    this.stretches.delete(partition)
    if (this.stretches.size === 0) this.outcome.resolve()
    this.consumer.pause([{ topic: this.options.settings.topic, partitions: [partition] }])
  }

  private sign(): void {
    this.lastSignMs = performance.now()
  }

  private assertAlive(): void {
    const limitMs = this.options.settings.sessionTimeoutMs + 60_000
    if (this.isGiving || performance.now() - this.lastSignMs < limitMs) return
    const message = `scanning topic ${this.options.settings.topic}: no answer for ${limitMs} ms`
    this.outcome.reject(new Unavailable('kafka', message))
  }

  private async close(): Promise<void> {
    const { settings, log } = this.options
    try {
      // while it joins, kafkajs would not leave again
      const leaving = this.started.then(() => this.consumer.disconnect())
      await withDeadline(leaving, CLOSE_DEADLINE_MS, 'ending the scan')
      const asking = { doing: 'removing the group of a scan', advice: '' }
      const removal = askCluster(settings, log, asking, (admin) =>
        admin.deleteGroups([this.groupId]),
      )
      await withDeadline(removal, CLOSE_DEADLINE_MS, 'removing the group of a scan')
    } catch (error) {
      // an empty group is forgotten by Kafka itself, after offsets.retention.minutes
      log.debug({ error: String(error) }, 'the group of a scan was left behind')
    }
  }
}

function unreadable(partition: number, { firstOffset, bytes, reason }: Undecodable): Error {
  return new Error(
    `the batch at offset ${firstOffset} of partition ${partition} (${bytes} bytes) cannot be ` +
      `read: ${reason}`,
  )
}
