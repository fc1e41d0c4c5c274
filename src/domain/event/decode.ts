/**
 * From the bytes of a record to an event, or to why it is none. A bad record is a value, not
 * an exception: whatever stands in a record, decoding returns.
 */
import { isAscii, isUtf8 } from 'node:buffer'
import { isDeeperThan, isJsonObject, type JsonObject, withExactNumbers } from '../json/json.ts'
import { type Problem, type Reason, type Rejected, rejectedFor } from '../problem.ts'
import type { KafkaRecord } from '../record.ts'
import { type ClockRules, usableTime } from '../time/clock.ts'
import { decodeErasure, isErasure } from './erasure.ts'
import type { Erasure, GroupEvent } from './event.ts'
import { isPresent, readClock, readField, readId } from './fields.ts'
import { type TraitRules, traitsReader } from './traits.ts'

export interface DecodeRules extends TraitRules, ClockRules {
  /** Bytes of the value as received. */
  readonly maxEventBytes: number
  /** Levels of objects and arrays in the whole document. */
  readonly maxDepth: number
  /** Whether every null value with a key erases, or only one with the header. */
  readonly tombstones: 'reject' | 'erase'
}

export type Decoded = GroupEvent | Erasure | Ignored | Rejected

/** Some other event on a shared topic. */
export interface Ignored {
  readonly kind: 'ignored'
  readonly type: string
}

export interface Decoder {
  /** Decodes what Kafka delivered. `nowMs` is the time now, in milliseconds since 1970. */
  decodeRecord(record: KafkaRecord, nowMs: number): Decoded
  /** Decodes a record's value, as if it had been received at `receivedAtMs`. */
  decodeValue(value: Buffer, receivedAtMs: number): GroupEvent | Ignored | Rejected
}

export function createDecoder(rules: DecodeRules): Decoder {
  const readTraits = traitsReader(rules)
  /** Of the event in hand: one list for all of them, as nearly all stay without any. */
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
        `the event has ${value.length} bytes, over ${rules.maxEventBytes}`,
      )
    }
    const text = decodeText(value)
    if (text === undefined) return rejected('not_utf8', 'the value is not UTF-8')
    const document = parse(text)
    if (document === undefined) return rejected('not_json', 'the value is not JSON')
    if (!isJsonObject(document)) return rejected('not_object', 'the value is not a JSON object')
    if (typeof document.type === 'string' && document.type !== 'group') {
      return { kind: 'ignored', type: document.type }
    }
    if (isDeeperThan(document, rules.maxDepth, text)) {
      return rejected('too_deep', `the event has more than ${rules.maxDepth} levels`)
    }
    return readEvent(withExactNumbers(document, text), text.includes('\\u'), receivedAtMs)
  }

  /** @param hasEscapes whether a lone surrogate may stand in the document: only `\u` writes one */
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

/** Fatal: bytes that are no UTF-8 give nothing, for two ids could meet in one replacement. */
function decodeText(value: Buffer): string | undefined {
  const framed = value[0] === SCHEMA_REGISTRY_MAGIC ? value.subarray(SCHEMA_REGISTRY_HEADER) : value
  if (isAscii(framed)) return framed.toString('latin1')
  if (!isUtf8(framed)) return undefined
  const text = framed.toString()
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text
}

const BYTE_ORDER_MARK = '\uFEFF'

/** How a Confluent serializer frames JSON: a zero, four bytes of schema id, then the text. */
const SCHEMA_REGISTRY_MAGIC = 0
const SCHEMA_REGISTRY_HEADER = 5

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // a syntax error quotes the text, which is not ours to show: that it is no JSON says enough
    return undefined
  }
}

const NO_VALUE = rejected('empty_value', 'the record has no value; an erasure needs its header')
const EMPTY = rejected('empty_value', 'the event is empty')

function rejected(reason: Reason, message: string): Rejected {
  return { kind: 'rejected', problems: [{ reason, path: '', message }] }
}
