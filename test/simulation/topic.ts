/** Models a topic: partitions with records and control records, and their first and end offsets. */
import type { PlannedRecord } from './records.ts'

export interface LogEntry {
  readonly offset: number
  /** Undefined: a control record. */
  readonly record: PlannedRecord | undefined
}

export class TopicPartition {
  /** The earliest offset that is still stored. */
  start = 0
  /** The offset after the last entry. */
  end = 0
  private entries: LogEntry[] = []

  append(record: PlannedRecord | undefined): void {
    this.entries.push({ offset: this.end++, record })
  }

  /** The entries from the offset on. */
  from(offset: number): LogEntry[] {
    return this.entries.filter((entry) => entry.offset >= offset)
  }

  /** Deletes the entries before `start`, as retention does, and returns them. */
  truncate(start: number): LogEntry[] {
    const deleted = this.entries.filter(({ offset }) => offset < start)
    this.entries = this.from(start)
    this.start = start
    return deleted
  }

  /** The offset after the last record; control records may follow it. */
  get afterLastRecord(): number {
    return (this.entries.findLast(({ record }) => record !== undefined)?.offset ?? -1) + 1
  }
}

export class Topic {
  /** Changes when the topic is recreated. */
  id = 0
  partitions: TopicPartition[]

  constructor(partitions: number) {
    this.partitions = Array.from({ length: partitions }, () => new TopicPartition())
  }

  partition(index: number): TopicPartition {
    const partition = this.partitions[index]
    if (partition === undefined) throw new Error(`there is no partition ${index}`)
    return partition
  }

  /** Deletes and recreates the topic; returns the entries that it had. */
  recreate(): LogEntry[] {
    const deleted = this.partitions.flatMap((partition) => partition.from(0))
    this.partitions = this.partitions.map(() => new TopicPartition())
    this.id++
    return deleted
  }
}
