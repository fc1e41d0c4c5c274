/** Models the payload that kafkajs passes to `eachBatch`. */
import type { EachBatchPayload } from '../../src/kafka/client/kafkajs.ts'
import { type FetchedRecord, placeholder } from '../../src/kafka/wire/record-batch.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import { type FetchedPartition, TOPIC } from './kafka.ts'
import type { PlannedRecord } from './records.ts'
import type { LogEntry } from './topic.ts'

/** A fetched record that carries its plan, so that the oracle recognizes it in dead letters. */
export interface PlannedMessage extends FetchedRecord {
  readonly planned: PlannedRecord
  /** The topic that it was fetched from. */
  readonly topicId: number
}

export function payloadOf(
  group: ConsumerGroup,
  { partition, fetchOffset, highWatermark, topicId, entries }: FetchedPartition,
): EachBatchPayload {
  const messages = messagesOf(entries, topicId)
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

/** Leaves out control records. If the last one is a control record, a placeholder has its offset. */
function messagesOf(entries: readonly LogEntry[], topicId: number): FetchedRecord[] {
  const messages: FetchedRecord[] = entries.flatMap((entry) => messageOf(entry, topicId))
  const last = entries.at(-1)
  if (last !== undefined && last.record === undefined) {
    messages.push({ ...placeholder(BigInt(last.offset)), isControlRecord: false })
  }
  return messages
}

function messageOf({ offset, record: planned }: LogEntry, topicId: number): PlannedMessage[] {
  if (planned === undefined) return []
  const { content } = planned
  return [{ ...content, offset: String(offset), isControlRecord: false, planned, topicId }]
}
