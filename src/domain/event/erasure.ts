/**
 * An erasure is a record with a null value, the group's exact id as its key, and the header
 * `group-traits.erase`. Example: key `account123`, header `2020-11-23T22:28:55.111Z`.
 */
import { isUtf8 } from 'node:buffer'
import { jsonPointer } from '../json/json-pointer.ts'
import { type Problem, type Rejected, rejectedFor } from '../problem.ts'
import { type KafkaRecord, lastHeader } from '../record.ts'
import { type ClockRules, clockProblem, END_OF_MILLISECOND } from '../time/clock-rules.ts'
import { parseDateTime, parseEpoch } from '../time/timestamp.ts'
import { type Erasure, idSchema } from './event.ts'

/** Its value is the time as of which the group is erased; empty: the record's Kafka timestamp. */
export const ERASE_HEADER = 'group-traits.erase'

/**
 * Whether a record is an erasure. A null value alone erases nothing, because it may be an
 * accident. With `tombstones: erase` every null value with a key erases.
 */
export function isErasure(record: KafkaRecord, tombstones: 'reject' | 'erase'): boolean {
  if (record.value !== null) return false
  return (
    (tombstones === 'erase' && record.key !== null) ||
    lastHeader(record, ERASE_HEADER) !== undefined
  )
}

/**
 * Decodes an erasure as of the header's time. Without a time, the group is erased as of the end
 * of the millisecond in which the record was received.
 */
export function decodeErasure(
  record: KafkaRecord,
  receivedAtMs: number,
  rules: ClockRules,
): Erasure | Rejected {
  const id = groupOf(record.key)
  const time = lastHeader(record, ERASE_HEADER)?.toString() ?? ''
  const clock =
    time === ''
      ? receivedAtMs * 1000 + END_OF_MILLISECOND
      : (parseEpoch(time) ?? parseDateTime(time))
  const badTime = clockProblem(clock, receivedAtMs, rules, jsonPointer('$headers', ERASE_HEADER))
  const problems: Problem[] = []
  if ('wrong' in id) {
    const message = `the key of an erasure must be the group's id: the key ${id.wrong}`
    problems.push({ reason: 'invalid_field', path: '/$key', message })
  }
  if (badTime !== undefined) problems.push(badTime)
  const groupId = 'groupId' in id ? id.groupId : ''
  return rejectedFor(problems) ?? { kind: 'erasure', groupId, clock: clock ?? 0 }
}

/** Returns the group's id, or what is wrong with the key. */
function groupOf(key: Buffer | null): { readonly groupId: string } | { readonly wrong: string } {
  if (key === null) return { wrong: 'is missing' }
  if (!isUtf8(key)) return { wrong: 'is not UTF-8' }
  const id = idSchema.safeParse(key.toString())
  return id.success ? { groupId: id.data } : { wrong: id.error.issues[0]?.message ?? 'is invalid' }
}
