import type { Problem } from './problem.ts'
import type { KafkaRecord } from './record.ts'

/** A record that was rejected, with where it came from and why. */
export interface DeadLetter {
  readonly topic: string
  readonly partition: number
  readonly record: KafkaRecord
  readonly problem: Problem
}
