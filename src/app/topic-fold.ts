/**
 * The events of the topic, read anew beside the workers: what the state in Redis is to be
 * made of. Rejected records and events of another type are passed over, as the workers do.
 */
import { createDecoder, type Decoder } from '../domain/decode.ts'
import type { Erasure, GroupEvent } from '../domain/event.ts'
import { foldInto, type GroupState } from '../domain/merge.ts'
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
  const stretch = stretchOf(reading)
  const unreadable: Unreadable[] = []
  if (stretch.partitions.length === 0) return unreadable
  const decoder = createDecoder(config.events)
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
  return unreadable
}

/** Folds the events within the bounds to one state a group. */
export async function foldTopic(
  reading: Omit<TopicReading, 'onEvent'>,
): Promise<{ states: Map<string, GroupState>; unreadable: readonly Unreadable[] }> {
  const states = new Map<string, GroupState>()
  const onEvent = (event: GroupEvent | Erasure) => foldInto(states, event)
  const unreadable = await readTopic({ ...reading, onEvent })
  return { states, unreadable }
}

/** How many records there may be within the bounds; compaction and transactions leave fewer. */
export function countOffsets(from: Offsets, to: Offsets): number {
  return Array.from(to).reduce((sum, [partition, end]) => {
    const count = Number(end - (from.get(partition) ?? 0n))
    return sum + Math.max(0, count)
  }, 0)
}

/** What one scan has to read for it; the bounds of each partition are kept on the way. */
function stretchOf({ from, to }: TopicReading) {
  const partitions = Array.from(to.keys()).filter((partition) => {
    return (from?.get(partition) ?? 0n) < (to.get(partition) ?? 0n)
  })
  const inOrder = (bounds: Offsets | undefined) =>
    partitions.map((partition) => bounds?.get(partition) ?? 0n).sort((a, b) => (a < b ? -1 : 1))
  return { partitions, from: inOrder(from).at(0) ?? 0n, to: inOrder(to).at(-1) ?? 0n }
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
