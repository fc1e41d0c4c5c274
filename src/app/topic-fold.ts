/**
 * The events of the topic, read anew beside the workers: what the state in Redis is to be
 * made of. Rejected records and events of another type are passed over, as the workers do.
 */
import { createDecoder, type Decoder } from '../domain/decode.ts'
import type { Erasure, GroupEvent } from '../domain/event.ts'
import type { KafkaRecord } from '../domain/record.ts'
import { scanTopic } from '../kafka/scan.ts'
import type { Log } from '../pipeline/ports.ts'
import type { Config } from './config.ts'

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
  /** In order within a partition. */
  readonly onEvent: (event: GroupEvent | Erasure, record: KafkaRecord) => void
  /** Told now and then how many records more were read. */
  readonly onProgress?: (records: number) => void
}

/** A record, or a whole batch of them, that nobody can read: the workers stop there. */
export interface Unreadable {
  readonly partition: number
  readonly offset: bigint
  readonly reason: string
}

/**
 * Resolves once every event within the bounds was given to `onEvent`, with what could not be
 * read.
 *
 * @throws the signal's reason where it was aborted; Refused; Unavailable; what `onEvent` throws
 */
export async function readTopic(reading: TopicReading): Promise<readonly Unreadable[]> {
  const { config, log, signal, now, onProgress = () => {} } = reading
  const unreadable: Unreadable[] = []
  const decoder = createDecoder(config.events)
  for (const stretch of stretchesOf(reading)) {
    await scanTopic({
      settings: config.kafka,
      log,
      ...stretch,
      ...(signal && { signal }),
      onRecords: (partition, records) => {
        const wanted = records.filter(({ offset }) => isWithin(reading, partition, BigInt(offset)))
        unreadable.push(...give(reading, partition, wanted, decoder, now()))
        onProgress(wanted.length)
      },
      onUndecodable: (partition, { firstOffset, reason }) => {
        if (!isWithin(reading, partition, firstOffset)) return
        unreadable.push({ partition, offset: firstOffset, reason })
      },
    })
  }
  return unreadable
}

/** How many offsets lie within the bounds: as many records, or fewer. */
export function countOffsets(from: Offsets, to: Offsets): number {
  return Array.from(to).reduce((sum, [partition, end]) => {
    const count = Number(end - (from.get(partition) ?? 0n))
    return sum + Math.max(0, count)
  }, 0)
}

/** What one scan reads; the bounds of each partition are kept on the way. */
interface Stretch {
  readonly partitions: number[]
  readonly from: bigint
  to: bigint
}

/** A scan begins at one offset for all: so much may be read in vain of a partition. */
const MAX_IN_VAIN = 10_000n

/** As few scans as will do, each of partitions that begin at about the same offset. */
function stretchesOf({ from, to }: TopicReading): readonly Stretch[] {
  const stretches: Stretch[] = []
  const bounds = Array.from(to, ([partition, end]) => ({
    partition,
    end,
    start: from?.get(partition) ?? 0n,
  }))
  for (const { partition, start, end } of bounds.sort((a, b) => (a.start < b.start ? -1 : 1))) {
    if (start >= end) continue
    const last = stretches.at(-1)
    if (last === undefined || start - last.from > MAX_IN_VAIN) {
      stretches.push({ partitions: [partition], from: start, to: end })
    } else {
      last.partitions.push(partition)
      if (end > last.to) last.to = end
    }
  }
  return stretches
}

function isWithin({ from, to }: TopicReading, partition: number, offset: bigint): boolean {
  return offset >= (from?.get(partition) ?? 0n) && offset < (to.get(partition) ?? 0n)
}

function give(
  { onEvent }: TopicReading,
  partition: number,
  records: readonly KafkaRecord[],
  decoder: Decoder,
  nowMs: number,
): Unreadable[] {
  const unreadable: Unreadable[] = []
  for (const record of records) {
    const decoded = decode(decoder, record, nowMs)
    if (decoded instanceof Error) {
      unreadable.push({ partition, offset: BigInt(record.offset), reason: decoded.message })
    } else if (decoded.kind === 'group' || decoded.kind === 'erasure') {
      onEvent(decoded, record)
    }
  }
  return unreadable
}

/** A record that hits a bug stops the workers, not the one who looks. */
function decode(decoder: Decoder, record: KafkaRecord, nowMs: number) {
  try {
    return decoder.decodeRecord(record, nowMs)
  } catch (bug) {
    return bug instanceof Error ? bug : new Error(String(bug))
  }
}
