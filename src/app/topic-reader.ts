/**
 * The events of the topic, read anew beside the workers: what the state in Redis is to be
 * made of. Rejected records and events of another type are passed over, as the workers do.
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
  /** Where each partition begins; at the start of the log where it is left out. */
  readonly from?: Offsets
  /** The offset that each partition ends before; one that is left out is not read. */
  readonly to: Offsets
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly signal?: AbortSignal
  /** In order within a partition; one call at a time. */
  readonly onRecord: (read: ReadRecord) => Promise<void> | void
  readonly onUnreadable: (unreadable: Unreadable) => void
  /** Told now and then how many records more were read. */
  readonly onProgress?: (records: number) => void
}

export interface ReadRecord {
  readonly partition: number
  readonly record: KafkaRecord
  /** Undefined where the record is none that the workers merge. */
  readonly event: GroupEvent | Erasure | undefined
}

/** A record, or a whole batch of them, that nobody can read: the workers stop there. */
export interface Unreadable {
  readonly partition: number
  readonly offset: bigint
  readonly reason: string
}

/**
 * Resolves once every record within the bounds was given to `onRecord`.
 *
 * @throws the signal's reason where it was aborted; NotRetriable; Unavailable; what `onRecord` throws
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

/** How many offsets lie within the bounds: as many records, or fewer. */
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

/** A record that hits a bug stops the workers, not the one who looks. */
function decode(decoder: Decoder, record: KafkaRecord, nowMs: number) {
  try {
    const decoded = decoder.decodeRecord(record, nowMs)
    return decoded.kind === 'group' || decoded.kind === 'erasure' ? decoded : undefined
  } catch (bug) {
    return bug instanceof Error ? bug : new Error(String(bug))
  }
}
