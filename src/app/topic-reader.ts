/**
 * Reads the events of the topic once more, beside the workers, for `rebuild` and `verify`. Rejected
 * records and events of another type are ignored, as the workers do.
 */
import { createDecoder, type Decoder } from '../domain/event/decode.ts'
import type { Erasure, GroupEvent } from '../domain/event/event.ts'
import type { KafkaRecord } from '../domain/record.ts'
import { type Bounds, scanTopic } from '../kafka/topics/scan.ts'
import type { Log } from '../pipeline/ports.ts'
import type { Config } from './config/config.ts'

/** Partition → offset. */
export type Offsets = ReadonlyMap<number, bigint>

export interface TopicReading {
  readonly config: Pick<Config, 'kafka' | 'events'>
  readonly log: Log
  /** The first offset of each partition; 0 for one that is missing. */
  readonly from?: Offsets
  /** The offset at which each partition ends, exclusive; one that is missing is not read. */
  readonly to: Offsets
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly signal?: AbortSignal
  /** Called in order within a partition, one call at a time. */
  readonly onRecord: (read: ReadRecord) => Promise<void> | void
  readonly onUnreadable: (unreadable: Unreadable) => void
  /** Called now and then with the number of records read since the last call. */
  readonly onProgress?: (records: number) => void
}

export interface ReadRecord {
  readonly partition: number
  readonly record: KafkaRecord
  /** Undefined if the workers do not merge the record: rejected, ignored or unreadable. */
  readonly event: GroupEvent | Erasure | undefined
}

/** A record, or a whole batch of records, that cannot be read: the workers stop there. */
export interface Unreadable {
  readonly partition: number
  readonly offset: bigint
  readonly reason: string
}

/**
 * Resolves once `onRecord` was called with every record within the bounds.
 *
 * @throws the signal's reason; NotRetriable; Unavailable; what `onRecord` throws
 */
export async function readTopic(reading: TopicReading): Promise<void> {
  const { config, log, signal, now, onRecord, onUnreadable, onProgress = () => {} } = reading
  const decoder = createDecoder(config.events)
  const bounds = boundsOf(reading)
  if (bounds.size === 0) return
  await scanTopic({
    settings: config.kafka,
    log,
    bounds,
    ...(signal && { signal }),
    onRecords: async (partition, records) => {
      const nowMs = now()
      for (const record of records) {
        const event = decode(decoder, record, nowMs)
        if (event instanceof Error) {
          const offset = BigInt(record.offset)
          onUnreadable({ partition, offset, reason: event.message })
        }
        await onRecord({ partition, record, event: event instanceof Error ? undefined : event })
      }
      onProgress(records.length)
    },
    onUndecodable: (partition, { firstOffset, reason }) =>
      onUnreadable({ partition, offset: firstOffset, reason }),
  })
}

/** Counts the offsets within the bounds: the topic holds as many records there, or fewer. */
export function countOffsets(from: Offsets, to: Offsets): number {
  return Array.from(to).reduce((sum, [partition, end]) => {
    const count = Number(end - (from.get(partition) ?? 0n))
    return sum + Math.max(0, count)
  }, 0)
}

function boundsOf({ from, to }: Pick<TopicReading, 'from' | 'to'>): Map<number, Bounds> {
  const bounds = Array.from(to, ([partition, end]) => {
    return [partition, { from: from?.get(partition) ?? 0n, to: end }] as const
  })
  return new Map(bounds.filter(([, { from, to }]) => from < to))
}

/** Returns an error if the decoder has a bug: that stops a worker, but not whoever only reads. */
function decode(decoder: Decoder, record: KafkaRecord, nowMs: number) {
  try {
    const decoded = decoder.decodeRecord(record, nowMs)
    return decoded.kind === 'group' || decoded.kind === 'erasure' ? decoded : undefined
  } catch (bug) {
    return bug instanceof Error ? bug : new Error(String(bug))
  }
}
