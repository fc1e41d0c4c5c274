/**
 * The headers of a dead letter: those of the record, then ours. Kafka clients take the last value
 * of a name, so ours win over a header of the record with the same name.
 */
import type { DeadLetter } from '../../domain/dead-letter.ts'
import type { RecordHeaders } from '../../domain/record.ts'
import { shorten } from '../../domain/short-text.ts'

/** As Kafka Connect's DeadLetterQueueReporter names them: other tools know these. */
export const CONNECT_HEADERS = {
  topic: '__connect.errors.topic',
  partition: '__connect.errors.partition',
  offset: '__connect.errors.offset',
  connector: '__connect.errors.connector.name',
  stage: '__connect.errors.stage',
  exception: '__connect.errors.exception.class.name',
  message: '__connect.errors.exception.message',
} as const

export const OWN_HEADERS = {
  reason: 'group-traits.reason',
  path: 'group-traits.path',
  /** `too-large`: the dead-letter topic rejects its size; `undecodable`: it cannot be read. */
  valueOmitted: 'group-traits.value-omitted',
  /** Milliseconds since 1970, if the dead-letter topic rejects the record's timestamp. */
  originalTimestamp: 'group-traits.original-timestamp',
  /** If one dead letter represents all records from its offset to this one. */
  lastOffset: 'group-traits.last-offset',
} as const

export type ValueOmitted = 'too-large' | 'undecodable'

export type WritableHeaders = Record<string, Buffer | string | (Buffer | string)[]>

/** Returns our headers alone, without those of the record. */
export function ownHeadersOf(deadLetter: DeadLetter, connector: string): WritableHeaders {
  const { topic, partition, record, problem } = deadLetter
  return {
    [CONNECT_HEADERS.topic]: topic,
    [CONNECT_HEADERS.partition]: String(partition),
    [CONNECT_HEADERS.offset]: record.offset,
    [CONNECT_HEADERS.connector]: connector,
    [CONNECT_HEADERS.stage]: STAGES[problem.reason] ?? 'VALUE_CONVERTER',
    [CONNECT_HEADERS.exception]: problem.reason,
    [CONNECT_HEADERS.message]: shorten(problem.message, MAX_MESSAGE_CHARS),
    [OWN_HEADERS.reason]: problem.reason,
    [OWN_HEADERS.path]: shorten(problem.path, MAX_PATH_CHARS),
  }
}

/** Returns the record's headers, followed by ours. */
export function withOwnHeaders(
  headers: RecordHeaders | undefined,
  own: WritableHeaders,
): WritableHeaders {
  const all: WritableHeaders = Object.create(null)
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (value !== undefined) all[name] = value
  }
  for (const [name, value] of Object.entries(own)) all[name] = [all[name] ?? [], value].flat()
  return all
}

/** The closest stages of Kafka Connect. For all other reasons the value is at fault. */
const STAGES: Partial<Record<DeadLetter['problem']['reason'], string>> = {
  state_conflict: 'TASK_PUT',
  skipped: 'TASK_PUT',
}

const MAX_MESSAGE_CHARS = 1000
const MAX_PATH_CHARS = 500
