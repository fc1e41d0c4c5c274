/** What kafkajs hands to `eachBatch`: a fetched part of a partition, and what may be done with it. */
import type { EachBatchPayload } from '../../src/kafka/client/kafkajs.ts'
import { type FetchedRecord, placeholder } from '../../src/kafka/wire/record-batch.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import { type FetchedPartition, TOPIC } from './kafka.ts'
import type { PlannedRecord } from './records.ts'
import type { LogEntry } from './topic.ts'

/** A record that tells which one it is, wherever it comes out. */
export interface PlannedMessage extends FetchedRecord {
  readonly planned: PlannedRecord
  /** Of the topic when it was fetched. */
  readonly incarnation: number
}

export function payloadOf(
  group: ConsumerGroup,
  { partition, fetchOffset, highWatermark, incarnation, entries }: FetchedPartition,
): EachBatchPayload {
  const messages = messagesOf(entries, incarnation)
  const lastOffset = entries.at(-1)?.offset ?? fetchOffset
  const payload = {
    batch: {
      topic: TOPIC,
      partition,
      highWatermark: String(highWatermark),
      messages,
      fetchedOffset: String(fetchOffset),
      firstOffset: () => String(entries[0]?.offset ?? fetchOffset),
      lastOffset: () => String(lastOffset),
    },
    resolveOffset: (offset: string) => group.resolve(partition, Number(offset) + 1),
    heartbeat: () => group.heartbeat(),
    pause: () => group.pause(partition),
    commitOffsetsIfNecessary: ({ topics }: Offsets) =>
      group.commit(
        new Map(
          topics.flatMap(({ partitions }) =>
            partitions.map(({ partition, offset, metadata }) => [
              partition,
              { offset: Number(offset), metadata },
            ]),
          ),
        ),
      ),
  }
  return payload as unknown as EachBatchPayload
}

interface Offsets {
  readonly topics: readonly {
    readonly partitions: readonly {
      readonly partition: number
      readonly offset: string
      readonly metadata: string
    }[]
  }[]
}

/** Control records are left out; where they come last, a placeholder says how far it goes. */
function messagesOf(entries: readonly LogEntry[], incarnation: number): FetchedRecord[] {
  const messages: FetchedRecord[] = entries.flatMap((entry) => messageOf(entry, incarnation))
  const last = entries.at(-1)
  if (last !== undefined && last.record === undefined) {
    messages.push({ ...placeholder(BigInt(last.offset)), isControlRecord: false })
  }
  return messages
}

function messageOf({ offset, record: planned }: LogEntry, incarnation: number): PlannedMessage[] {
  if (planned === undefined) return []
  const { content } = planned
  return [{ ...content, offset: String(offset), isControlRecord: false, planned, incarnation }]
}
