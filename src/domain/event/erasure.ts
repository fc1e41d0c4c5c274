import { isUtf8 } from 'node:buffer'
import { jsonPointer } from '../json/json.ts'
import { type Problem, type Rejected, rejectedFor } from '../problem.ts'
import { type KafkaRecord, lastHeader } from '../record.ts'
import { type ClockRules, clockProblem, END_OF_MILLISECOND } from '../time/clock.ts'
import { parseDateTime, parseEpoch } from '../time/timestamp.ts'
import { type Erasure, idSchema } from './event.ts'

/** Says that a null value is meant, and as of when the group is erased. */
export const ERASE_HEADER = 'group-traits.erase'

/** A null value erases only where that is meant: an accident must erase nothing. */
export function isErasure(record: KafkaRecord, tombstones: 'reject' | 'erase'): boolean {
  if (record.value !== null) return false
  return (
    (tombstones === 'erase' && record.key !== null) ||
    lastHeader(record, ERASE_HEADER) !== undefined
  )
}

/** The group of the record's key is erased as of the header's time, or else the record's. */
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
    const message = `the key of an erasure is the group's id: it ${id.wrong}`
    problems.push({ reason: 'invalid_field', path: '/$key', message })
  }
  if (badTime !== undefined) problems.push(badTime)
  const groupId = 'groupId' in id ? id.groupId : ''
  return rejectedFor(problems) ?? { kind: 'erasure', groupId, clock: clock ?? 0 }
}

function groupOf(key: Buffer | null): { readonly groupId: string } | { readonly wrong: string } {
  if (key === null) return { wrong: 'is missing' }
  if (!isUtf8(key)) return { wrong: 'is not UTF-8' }
  const id = idSchema.safeParse(key.toString())
  return id.success ? { groupId: id.data } : { wrong: id.error.issues[0]?.message ?? 'is invalid' }
}
