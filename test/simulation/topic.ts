/** The topic in Kafka: partitions with records and gaps (control records), each from its start on. */
import type { PlannedRecord } from './records.ts'

export interface LogEntry {
  readonly offset: number
  /** Undefined: a control record. */
  readonly record: PlannedRecord | undefined
}

export class TopicPartition {
  /** The earliest offset that is still there. */
  start = 0
  /** StaleCheckpoint the last. */
  end = 0
  private entries: LogEntry[] = []

  append(record: PlannedRecord | undefined): void {
    this.entries.push({ offset: this.end++, record })
  }

  /** What is there from the offset on. */
  from(offset: number): LogEntry[] {
    return this.entries.filter((entry) => entry.offset >= offset)
  }

  /** Retention: what stands before is gone. */
  truncate(start: number): LogEntry[] {
    const gone = this.entries.filter(({ offset }) => offset < start)
    this.entries = this.from(start)
    this.start = start
    return gone
  }

  /** The offset behind the last record; control records may follow it. */
  get behindLastRecord(): number {
    return (this.entries.findLast(({ record }) => record !== undefined)?.offset ?? -1) + 1
  }
}

export class Topic {
  /** How often it was made anew. */
  incarnation = 0
  partitions: TopicPartition[]

  constructor(partitions: number) {
    this.partitions = Array.from({ length: partitions }, () => new TopicPartition())
  }

  partition(index: number): TopicPartition {
    const partition = this.partitions[index]
    if (partition === undefined) throw new Error(`there is no partition ${index}`)
    return partition
  }

  /** Deletes it and makes it anew; returns what was in it. */
  makeAnew(): LogEntry[] {
    const gone = this.partitions.flatMap((partition) => partition.from(0))
    this.partitions = this.partitions.map(() => new TopicPartition())
    this.incarnation++
    return gone
  }
}
