/**
 * Decodes a record: into an event, an erasure, an event of another type to ignore, or a rejection
 * with every problem found. A bad record is a result, not an exception: decoding returns for any
 * bytes.
 *
 * The checks run in the order of precedence: empty_value, too_large, not_utf8, not_json,
 * not_object, (another type: ignored), too_deep. The first that fails ends decoding. Then every
 * field is read, and the problems of all fields are reported.
 */
import { isAscii, isUtf8 } from 'node:buffer'
import { isDeeperThan } from '../json/depth.ts'
import { isJsonObject, type JsonObject } from '../json/json-value.ts'
import { parseJson } from '../json/parse-json.ts'
import { type Problem, type Reason, type Rejected, rejectedFor } from '../problem.ts'
import type { KafkaRecord } from '../record.ts'
import { type ClockRules, usableTime } from '../time/clock-rules.ts'
import { decodeErasure, ERASE_HEADER, isErasure } from './erasure.ts'
import type { Erasure, GroupEvent } from './event.ts'
import { isPresent, readClock, readField, readId } from './field-reader.ts'
import { createTraitReader, type TraitRules } from './trait-reader.ts'

export interface DecodeRules extends TraitRules, ClockRules {
  /** Bytes of the value as received, frame and byte order mark included. */
  readonly maxEventBytes: number
  /** Levels of objects and arrays; the document itself is level 1. */
  readonly maxDepth: number
  /** `erase`: every null value with a key is an erasure; `reject`: only one with the header. */
  readonly tombstones: 'reject' | 'erase'
}

export type Decoded = GroupEvent | Erasure | Ignored | Rejected

/** An event of another type on a shared topic: counted, never a dead letter. */
export interface Ignored {
  readonly kind: 'ignored'
  readonly type: string
}

export interface Decoder {
  /** Decodes a record of Kafka. `nowMs` is the current time, in milliseconds since 1970. */
  decodeRecord(record: KafkaRecord, nowMs: number): Decoded
  /** Decodes a record's value, as if it had been received at `receivedAtMs`. */
  decodeValue(value: Buffer, receivedAtMs: number): GroupEvent | Ignored | Rejected
}

export function createDecoder(rules: DecodeRules): Decoder {
  const readTraits = createTraitReader(rules)
  // the problems of the current event; nearly every event has none, so the list is reused
  let problems: Problem[] = []
  const report = (problem: Problem) => {
    problems.push(problem)
  }

  return {
    decodeRecord(record, nowMs) {
      const receivedAtMs = usableTime(Number(record.timestamp), nowMs, rules)
      const { value } = record
      if (value !== null) return decodeValue(value, receivedAtMs)
      const erases = isErasure(record, rules.tombstones)
      return erases ? decodeErasure(record, receivedAtMs, rules) : NO_VALUE
    },
    decodeValue,
  }

  function decodeValue(value: Buffer, receivedAtMs: number): GroupEvent | Ignored | Rejected {
    if (value.length === 0) return EMPTY
    if (value.length > rules.maxEventBytes) {
      return rejected(
        'too_large',
        `the event has ${value.length} bytes, but at most ${rules.maxEventBytes} are allowed`,
      )
    }
    const text = decodeText(value)
    if (text === undefined) return rejected('not_utf8', 'the value is not valid UTF-8')
    const document = parseJson(text)
    if (document === undefined) return rejected('not_json', 'the value is not JSON')
    if (!isJsonObject(document)) return rejected('not_object', 'the value is not a JSON object')
    if (typeof document.type === 'string' && document.type !== 'group') {
      return { kind: 'ignored', type: document.type }
    }
    if (isDeeperThan(document, rules.maxDepth, text)) {
      return rejected(
        'too_deep',
        `the event has more than ${rules.maxDepth} levels of objects and arrays`,
      )
    }
    return readEvent(document, text.includes('\\u'), receivedAtMs)
  }

  /** @param hasEscapes whether the text has `\u`, the only way to write a lone surrogate */
  function readEvent(
    document: JsonObject,
    hasEscapes: boolean,
    receivedAtMs: number,
  ): GroupEvent | Rejected {
    if (problems.length > 0) problems = []
    const fromDestination = document.type === 'group'
    const mayBeAnonymous = fromDestination && isPresent(document.anonymousId)

    const groupId = readId(document, 'group_id', 'groupId', false, report)
    const userId = readId(document, 'user_id', 'userId', mayBeAnonymous, report)
    const traits = readField(document, 'traits', fromDestination, report) ?? {}
    const stored = readTraits(traits, hasEscapes, report)
    const clock = readClock(document, receivedAtMs, rules, report)
    readField(document, 'context', true, report)
    readField(document, 'type', true, report)
    const assigned = readField(document, 'assigned', true, report) ?? true

    return (
      rejectedFor(problems) ?? { kind: 'group', groupId, userId, assigned, clock, traits: stored }
    )
  }
}

/**
 * Returns the value as text, without frame and byte order mark; undefined if it is not UTF-8.
 * Invalid bytes are not replaced by U+FFFD: two different ids could become the same text.
 */
function decodeText(value: Buffer): string | undefined {
  const framed = value[0] === SCHEMA_REGISTRY_MAGIC ? value.subarray(SCHEMA_REGISTRY_HEADER) : value
  if (isAscii(framed)) return framed.toString('latin1')
  if (!isUtf8(framed)) return undefined
  const text = framed.toString()
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text
}

const BYTE_ORDER_MARK = '\uFEFF'

/** A Confluent serializer writes a zero byte, four bytes of schema id, then the JSON. */
const SCHEMA_REGISTRY_MAGIC = 0
const SCHEMA_REGISTRY_HEADER = 5

const NO_VALUE = rejected(
  'empty_value',
  `the record has no value; to erase the group, set the header ${ERASE_HEADER}`,
)
const EMPTY = rejected('empty_value', 'the event is empty')

function rejected(reason: Reason, message: string): Rejected {
  return { kind: 'rejected', problems: [{ reason, path: '', message }] }
}
