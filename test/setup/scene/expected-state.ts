/** What the topic says: the only truth there is about what Redis and the dead letters must hold. */
import { createDecoder, type DecodeRules } from '../../../src/domain/event/decode.ts'
import { foldInto, type GroupState } from '../../../src/domain/merge/merge.ts'
import type { KafkaRecord } from '../../../src/domain/record.ts'
import { lastHeader } from '../../../src/domain/record.ts'
import { NUMBER_HEADER } from './events.ts'

/** Of all records that were added to it, a record added twice counting once. */
export interface Truth {
  readonly states: Map<string, GroupState>
  /** Records that must have a dead letter, by `PARTITION/OFFSET`: several where topics were made anew. */
  readonly rejected: Map<string, KafkaRecord[]>
  /** Numbers of the load's records. */
  readonly numbers: Set<number>
  records: number
  accepted: number
}

export function emptyTruth(): Truth {
  return { states: new Map(), rejected: new Map(), numbers: new Set(), records: 0, accepted: 0 }
}

/** Adds records of a partition; adding the same again changes only the counts. */
export function createWitness(rules: DecodeRules) {
  const decoder = createDecoder(rules)
  return (truth: Truth, partition: number, records: readonly KafkaRecord[]): void => {
    for (const record of records) {
      truth.records++
      const number = lastHeader(record, NUMBER_HEADER)
      if (number !== undefined) truth.numbers.add(Number(number))
      const decoded = decoder.decodeRecord(record, Date.now())
      if (decoded.kind === 'rejected') {
        const place = placeOf(partition, record.offset)
        const others = truth.rejected.get(place) ?? []
        const isNew = !others.some((other) => isSame(other, record))
        if (isNew) truth.rejected.set(place, [...others, record])
      }
      if (decoded.kind !== 'group' && decoded.kind !== 'erasure') continue
      truth.accepted++
      foldInto(truth.states, decoded)
    }
  }
}

export function placeOf(partition: number | string, offset: string): string {
  return `${partition}/${offset}`
}

/** Byte for byte; the copy may have further headers. */
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
