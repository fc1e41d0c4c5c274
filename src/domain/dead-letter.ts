import type { Problem } from './problem.ts'
import type { KafkaRecord } from './record.ts'

/** A rejected record, with its topic and partition and the first of its problems. */
export interface DeadLetter {
  readonly topic: string
  readonly partition: number
  readonly record: KafkaRecord
  readonly problem: Problem
}
