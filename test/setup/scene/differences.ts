/** Where the world is not as the topic says it must be: as data, and readable. */
import type { KafkaRecord } from '../../../src/domain/record.ts'
import { CONNECT_HEADERS } from '../../../src/kafka/producer/dead-letter-headers.ts'
import { isSame, placeOf, type Truth } from './expected-state.ts'
import type { Contents } from './redis-contents.ts'

export type Difference =
  | {
      /** A field of a hash, or a member of a set; `undefined`: not there. */
      readonly kind: 'state'
      readonly key: string
      readonly field: string
      readonly expected: string | undefined
      readonly actual: string | undefined
    }
  | { readonly kind: 'no dead letter'; readonly place: string }
  | { readonly kind: 'dead letter of nothing rejected'; readonly place: string }
  | { readonly kind: 'dead letter with other content'; readonly place: string }
  | { readonly kind: 'acknowledged, but not in the topic'; readonly number: number }

export function compareContents(expected: Contents, actual: Contents): Difference[] {
  const keys = [...new Set([...expected.keys(), ...actual.keys()])].sort()
  return keys.flatMap((key) => {
    const [wanted, found] = [expected.get(key) ?? NOTHING, actual.get(key) ?? NOTHING]
    const fields = [...new Set([...wanted.keys(), ...found.keys()])].sort()
    return fields.flatMap((field): Difference[] => {
      const [one, other] = [wanted.get(field), found.get(field)]
      return one === other ? [] : [{ kind: 'state', key, field, expected: one, actual: other }]
    })
  })
}

const NOTHING: ReadonlyMap<string, string> = new Map()

/** A dead letter, and the record that it is of. */
export interface Letter {
  /** `PARTITION/OFFSET` of the original. */
  readonly place: string
  readonly record: KafkaRecord
}

/** Several letters of the same record are fine. */
export function compareLetters(
  rejected: Truth['rejected'],
  letters: readonly Letter[],
): Difference[] {
  const differences: Difference[] = []
  const answered = new Set<KafkaRecord>()
  for (const { place, record } of letters) {
    const originals = rejected.get(place)
    const original = originals?.find((one) => isSame(one, record))
    if (original !== undefined) answered.add(original)
    else if (originals === undefined) {
      differences.push({ kind: 'dead letter of nothing rejected', place })
    } else differences.push({ kind: 'dead letter with other content', place })
  }
  for (const [place, originals] of rejected) {
    for (const original of originals) {
      if (!answered.has(original)) differences.push({ kind: 'no dead letter', place })
    }
  }
  return differences
}

/** The letter, by the headers that say what it is of. */
export function letterOf(record: KafkaRecord): Letter {
  const { partition, offset } = CONNECT_HEADERS
  const header = (name: string) => String(record.headers?.[name])
  return { place: placeOf(header(partition), header(offset)), record }
}

export function describe(difference: Difference): string {
  switch (difference.kind) {
    case 'state': {
      const { key, field, expected, actual } = difference
      return `${key} ${JSON.stringify(field)}: ${shown(actual)}, but the topic says ${shown(expected)}`
    }
    case 'acknowledged, but not in the topic':
      return `record number ${difference.number}: ${difference.kind}`
    default:
      return `${difference.place}: ${difference.kind}`
  }
}

function shown(value: string | undefined): string {
  return value === undefined ? 'nothing' : JSON.stringify(value)
}
