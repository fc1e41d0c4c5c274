/** Differences between what the topic says and what Redis and the dead-letter topic contain. */
import type { KafkaRecord } from '../../../src/domain/record.ts'
import { CONNECT_HEADERS } from '../../../src/kafka/producer/dead-letter-headers.ts'
import { type ExpectedState, isSame, positionOf } from './expected-state.ts'
import type { Contents } from './redis-contents.ts'

export type Difference =
  | {
      readonly kind: 'state'
      readonly key: string
      /** A field of a hash or a member of a sorted set. */
      readonly field: string
      /** undefined: absent */
      readonly expected: string | undefined
      readonly actual: string | undefined
    }
  | { readonly kind: 'no dead letter'; readonly position: string }
  | { readonly kind: 'dead letter of a record that was not rejected'; readonly position: string }
  | { readonly kind: 'dead letter with other content'; readonly position: string }
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

/** A dead letter and the position of the original record. */
export interface DeadLetter {
  /** `PARTITION/OFFSET` */
  readonly position: string
  readonly record: KafkaRecord
}

/** A record may have several dead letters: writing one is repeated after an outage. */
export function compareDeadLetters(
  rejected: ExpectedState['rejected'],
  deadLetters: readonly DeadLetter[],
): Difference[] {
  const differences: Difference[] = []
  const answered = new Set<KafkaRecord>()
  for (const { position, record } of deadLetters) {
    const originals = rejected.get(position)
    const original = originals?.find((one) => isSame(one, record))
    if (original !== undefined) answered.add(original)
    else if (originals === undefined) {
      differences.push({ kind: 'dead letter of a record that was not rejected', position })
    } else differences.push({ kind: 'dead letter with other content', position })
  }
  for (const [position, originals] of rejected) {
    for (const original of originals) {
      if (!answered.has(original)) differences.push({ kind: 'no dead letter', position })
    }
  }
  return differences
}

/** Reads the position of the original from the headers of a dead letter. */
export function deadLetterOf(record: KafkaRecord): DeadLetter {
  const { partition, offset } = CONNECT_HEADERS
  const header = (name: string) => String(record.headers?.[name])
  return { position: positionOf(header(partition), header(offset)), record }
}

export function describeDifference(difference: Difference): string {
  switch (difference.kind) {
    case 'state': {
      const { key, field, expected, actual } = difference
      return `${key} ${JSON.stringify(field)}: ${shown(actual)}, but the topic says ${shown(expected)}`
    }
    case 'acknowledged, but not in the topic':
      return `record number ${difference.number}: ${difference.kind}`
    default:
      return `${difference.position}: ${difference.kind}`
  }
}

function shown(value: string | undefined): string {
  return value === undefined ? 'nothing' : JSON.stringify(value)
}
