/** Computes what a worker must make of a topic's records, with only the decoder and the fold. */
import { createDecoder } from '../../src/domain/event/decode.ts'
import { formOf, textOf } from '../../src/domain/json/stored-value.ts'
import { foldInto, type GroupState } from '../../src/domain/merge/merge.ts'
import type { KafkaRecord } from '../../src/domain/record.ts'
import type { GroupView } from '../../src/redis/reading/group-reader.ts'
import { DEFAULT_RULES } from '../setup/domain/decode-rules.ts'

export interface Expected {
  readonly groups: ReadonlyMap<string, GroupState>
  /** partition/offset -> the rejected record */
  readonly rejected: ReadonlyMap<string, RejectedRecord>
  readonly accepted: number
}

export interface RejectedRecord {
  readonly key: string | undefined
  readonly value: string | undefined
  readonly reason: string
}

export type TopicRecord = KafkaRecord & { readonly partition: number }

export function expectedOf(records: readonly TopicRecord[], nowMs: number): Expected {
  const decoder = createDecoder(DEFAULT_RULES)
  const groups = new Map<string, GroupState>()
  const rejected = new Map<string, RejectedRecord>()
  let accepted = 0
  for (const record of records) {
    const decoded = decoder.decodeRecord(record, nowMs)
    if (decoded.kind === 'rejected') {
      const { reason } = decoded.problems[0]
      rejected.set(`${record.partition}/${record.offset}`, { ...bytesOf(record), reason })
    } else if (decoded.kind !== 'ignored') {
      accepted++
      foldInto(groups, decoded)
    }
  }
  return { groups, rejected, accepted }
}

/** The exact bytes of key and value, for comparison. */
export function bytesOf({ key, value }: KafkaRecord) {
  return { key: key?.toString('base64'), value: value?.toString('base64') }
}

/** Converts an expected state for comparison with `readViewOf`. */
export function viewOf({ groupId, latest, erasedAt, traits, users }: GroupState) {
  const all = Array.from(traits, ([name, { clock, value }]) => ({ name, clock, value }))
  const membership = (isMember: boolean) =>
    Array.from(users, ([userId, { clock, member }]) => ({ userId, clock, member }))
      .filter(({ member }) => member === isMember)
      .map(({ userId, clock }) => `${userId} ${clock}`)
      .sort()
  return {
    groupId,
    latest,
    erasedAt,
    traits: all
      .filter(({ value }) => value !== null)
      .map(({ name, clock, value }) => `${name} ${clock}${formOf(value)} ${textOf(value ?? '')}`)
      .sort(),
    removed: all
      .filter(({ value }) => value === null)
      .map(({ name, clock }) => `${name} ${clock}`)
      .sort(),
    members: membership(true),
    left: membership(false),
  }
}

/** Converts a group that was read from Redis; the parsed values are left out. */
export function readViewOf({ groupId, latest, erasedAt, ...view }: GroupView) {
  return {
    groupId,
    latest,
    erasedAt,
    traits: view.traits
      .map(({ name, clock, form, stored }) => `${name} ${clock}${form} ${stored}`)
      .sort(),
    removed: view.removed.map(({ name, clock }) => `${name} ${clock}`).sort(),
    members: view.members.map(({ userId, clock }) => `${userId} ${clock}`).sort(),
    left: view.left.map(({ userId, clock }) => `${userId} ${clock}`).sort(),
  }
}
