/** The state that Redis and the dead-letter topic must have: the fold of the topic's records. */
import { createDecoder, type DecodeRules } from '../../../src/domain/event/decode.ts'
import { foldInto, type GroupState } from '../../../src/domain/merge/merge.ts'
import type { KafkaRecord } from '../../../src/domain/record.ts'
import { lastHeader } from '../../../src/domain/record.ts'
import { NUMBER_HEADER } from './events.ts'

/** The fold of all records added so far. Adding a record twice changes only the counts. */
export interface ExpectedState {
  readonly states: Map<string, GroupState>
  /** Records that must have a dead letter, by `PARTITION/OFFSET`; several if the topic was recreated. */
  readonly rejected: Map<string, KafkaRecord[]>
  /** Numbers of the load's records (NUMBER_HEADER). */
  readonly numbers: Set<number>
  records: number
  accepted: number
}

export function emptyExpectedState(): ExpectedState {
  return { states: new Map(), rejected: new Map(), numbers: new Set(), records: 0, accepted: 0 }
}

/** Returns a function that adds records of a partition to an expected state. */
export function createRecordFold(rules: DecodeRules) {
  const decoder = createDecoder(rules)
  return (expected: ExpectedState, partition: number, records: readonly KafkaRecord[]): void => {
    for (const record of records) {
      expected.records++
      const number = lastHeader(record, NUMBER_HEADER)
      if (number !== undefined) expected.numbers.add(Number(number))
      const decoded = decoder.decodeRecord(record, Date.now())
      if (decoded.kind === 'rejected') {
        const position = positionOf(partition, record.offset)
        const others = expected.rejected.get(position) ?? []
        const isNew = !others.some((other) => isSame(other, record))
        if (isNew) expected.rejected.set(position, [...others, record])
      }
      if (decoded.kind !== 'group' && decoded.kind !== 'erasure') continue
      expected.accepted++
      foldInto(expected.states, decoded)
    }
  }
}

export function positionOf(partition: number | string, offset: string): string {
  return `${partition}/${offset}`
}

/** Whether the copy has the same bytes; it may have further headers. */
export function isSame(original: KafkaRecord, copy: KafkaRecord): boolean {
  return (
    isSameBytes(original.key, copy.key) &&
    isSameBytes(original.value, copy.value) &&
    original.timestamp === copy.timestamp &&
    Object.entries(original.headers ?? {}).every(
      ([name, value]) => String(value) === String(copy.headers?.[name]),
    )
  )
}

function isSameBytes(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b)
}
