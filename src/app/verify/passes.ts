/**
 * Folds the topic in passes. Each pass keeps only the groups whose ids hash to a range, so that
 * memory stays bounded however many groups there are.
 */
import type { Erasure, GroupEvent } from '../../domain/event/event.ts'
import { textOf } from '../../domain/json/stored-value.ts'
import { foldInto, type GroupState } from '../../domain/merge/merge.ts'
import type { KafkaRecord } from '../../domain/record.ts'
import { type ClockRules, usableTime } from '../../domain/time/clock-rules.ts'
import { readTopic, type TopicReading } from '../topic-reader.ts'

/** From `from` up to but not including `to`, of 2^32 hashes. */
export interface HashRange {
  readonly from: number
  readonly to: number
}

export const ALL_HASHES: HashRange = { from: 0, to: 2 ** 32 }

export interface FoldedRange {
  /** Begins where the wanted range begins; ends before that one ends if memory did not suffice. */
  readonly range: HashRange
  readonly states: ReadonlyMap<string, GroupState>
  /** About how much memory the states take. */
  readonly bytes: number
  /** Groups with an event whose record has no usable time (see `isJudgedByNow`). */
  readonly judgedByNow: Set<string>
}

/**
 * Folds the groups of a range. Whenever they take more than `maxBytes`, the upper half of the range
 * is dropped; a single group is kept whatever its size.
 */
export async function foldRange(
  reading: Omit<TopicReading, 'onRecord'>,
  wanted: HashRange,
  maxBytes: number,
): Promise<FoldedRange> {
  const { config, now } = reading
  const states = new Map<string, GroupState>()
  const judgedByNow = new Set<string>()
  let range = wanted
  let bytes = 0
  let checkAt = maxBytes
  const shrink = () => {
    bytes = bytesOf(states.values())
    while (bytes > maxBytes && states.size > 1 && range.to - range.from > 1) {
      range = { from: range.from, to: Math.ceil((range.from + range.to) / 2) }
      for (const id of states.keys()) if (!isWithin(range, id)) states.delete(id)
      bytes = bytesOf(states.values())
    }
    checkAt = Math.max(maxBytes, bytes) * 1.25
  }
  await readTopic({
    ...reading,
    onRecord({ event, record }) {
      if (event === undefined || !isWithin(range, event.groupId)) return
      foldInto(states, event)
      if (isJudgedByNow(record, now(), config.events)) judgedByNow.add(event.groupId)
      bytes += bytesOfEvent(event)
      if (bytes > checkAt) shrink()
    },
  })
  return { range, states, bytes: bytesOf(states.values()), judgedByNow }
}

/** Returns the range after this one, as wide as is likely to fit in `maxBytes`. */
export function nextRange({ range, bytes }: FoldedRange, maxBytes: number): HashRange {
  const width = (range.to - range.from) * ((FILL_SHARE * maxBytes) / Math.max(bytes, 1))
  return { from: range.to, to: Math.min(range.to + Math.ceil(width), ALL_HASHES.to) }
}

/** A margin, as ranges of equal width do not take equally much memory. */
const FILL_SHARE = 0.8

export function isWithin({ from, to }: HashRange, groupId: string): boolean {
  const hash = hashOf(groupId)
  return hash >= from && hash < to
}

/** FNV-1a over UTF-16 units, then mixed so that the high bits differ between similar ids. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Estimates how much memory states take: two bytes a character, plus maps and objects. */
export function bytesOf(states: Iterable<GroupState>): number {
  let bytes = 0
  for (const { groupId, traits, users } of states) {
    bytes += GROUP_BYTES + 2 * groupId.length
    for (const [name, { value }] of traits) bytes += ENTRY_BYTES + textBytes(name, value)
    for (const userId of users.keys()) bytes += ENTRY_BYTES + 2 * userId.length
  }
  return bytes
}

/** Estimates the most that an event can add; what it replaces is not subtracted. */
function bytesOfEvent(event: GroupEvent | Erasure): number {
  let bytes = GROUP_BYTES + 2 * event.groupId.length
  if (event.kind === 'erasure') return bytes
  for (const [name, value] of event.traits) bytes += ENTRY_BYTES + textBytes(name, value)
  return bytes + ENTRY_BYTES + 2 * (event.userId?.length ?? 0)
}

function textBytes(name: string, value: Parameters<typeof textOf>[0] | null): number {
  return 2 * (name.length + (value === null ? 0 : textOf(value).length))
}

const GROUP_BYTES = 400
const ENTRY_BYTES = 120

/**
 * Whether the record has no usable time. Its event is then checked for clock skew against the time
 * of reading, so a worker that read it at another time may have decided otherwise.
 */
export function isJudgedByNow(record: KafkaRecord, nowMs: number, rules: ClockRules): boolean {
  const givenMs = Number(record.timestamp)
  return usableTime(givenMs, nowMs, rules) !== givenMs
}
