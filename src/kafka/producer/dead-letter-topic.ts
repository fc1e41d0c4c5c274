/**
 * Writes rejected records to the dead-letter topic. If the topic rejects a dead letter, it is
 * written with less: without its value, its timestamp or its other headers. So a dead letter never
 * stops a partition.
 */
import type { DeadLetter } from '../../domain/dead-letter.ts'
import { asOutage, Unavailable } from '../../pipeline/errors.ts'
import type { DeadLetterTopic, Log } from '../../pipeline/ports.ts'
import type { Message } from '../client/kafkajs.ts'
import type { KafkaSettings } from '../client/settings.ts'
import { sendBisecting } from './bisection.ts'
import {
  OWN_HEADERS,
  ownHeadersOf,
  type ValueOmitted,
  type WritableHeaders,
  withOwnHeaders,
} from './dead-letter-headers.ts'
import { packBySize, REQUEST_BYTES } from './request-packing.ts'
import { createSender, type RejectionCause, type RequestRejected, type Sender } from './sender.ts'

export interface DeadLetterWriter extends DeadLetterTopic {
  /**
   * Writes one dead letter without a value, for all records from its own to `lastOffset`, which
   * cannot be read.
   *
   * @throws Unavailable
   */
  writeUndecodable(deadLetter: DeadLetter, lastOffset: bigint): Promise<void>
  close(): Promise<void>
}

/** With its headers, a dead letter takes several times the memory of its record. */
const DEAD_LETTERS_AT_ONCE = 500

export function createDeadLetterTopic(settings: KafkaSettings, log: Log): DeadLetterWriter {
  const sender = createSender(settings, log)
  const write = async (deadLetters: readonly OutgoingDeadLetter[]) => {
    try {
      for (const pack of packBySize(deadLetters, REQUEST_BYTES, ({ message }) => message)) {
        await sendAll(sender, settings.deadLetterTopic, pack)
      }
    } catch (error) {
      throw asOutage(error)
    }
  }
  return {
    write: async (deadLetters) => {
      for (let start = 0; start < deadLetters.length; start += DEAD_LETTERS_AT_ONCE) {
        const chunk = deadLetters.slice(start, start + DEAD_LETTERS_AT_ONCE)
        await write(chunk.map((deadLetter) => outgoing(deadLetter, settings)))
      }
    },
    writeUndecodable: (deadLetter, lastOffset) => {
      const headers = { [OWN_HEADERS.lastOffset]: String(lastOffset) }
      return write([withoutValue(outgoing(deadLetter, settings), 'undecodable', headers)])
    },
    close: () => sender.close(),
  }
}

/** A dead letter as it is sent, which may have lost some of its origin. */
interface OutgoingDeadLetter {
  readonly message: Message
  /** Our headers alone: they replace all headers if those are too large. */
  readonly ownHeaders: WritableHeaders
  readonly origin: DeadLetter
}

function outgoing(origin: DeadLetter, { groupId }: KafkaSettings): OutgoingDeadLetter {
  const { key, value, headers, timestamp } = origin.record
  const ownHeaders = ownHeadersOf(origin, groupId)
  const message = { key, value, headers: withOwnHeaders(headers, ownHeaders), timestamp }
  const deadLetter = { message, ownHeaders, origin }
  return Number(timestamp) < 0 ? withTimestampOfNow(deadLetter) : deadLetter
}

/** Sends all of them; those that the topic rejects are sent with less. */
async function sendAll(
  sender: Sender,
  topic: string,
  deadLetters: readonly OutgoingDeadLetter[],
): Promise<void> {
  await sendBisecting(
    deadLetters,
    (some) => sender.send(topic, messagesOf(some)),
    (deadLetter, rejection) => sendAll(sender, topic, [reduced(deadLetter, rejection)]),
  )
}

function messagesOf(deadLetters: readonly OutgoingDeadLetter[]): Message[] {
  return deadLetters.map(({ message }) => message)
}

/**
 * Returns the dead letter without what was rejected. Each call takes something away, so that the
 * retries come to an end.
 *
 * @throws Unavailable if nothing is left to take away
 */
function reduced(
  deadLetter: OutgoingDeadLetter,
  { reason, message }: RequestRejected,
): OutgoingDeadLetter {
  const changed = REDUCTIONS[reason](deadLetter)
  if (changed !== undefined) return changed
  throw new Unavailable('kafka', `a dead letter is rejected: ${message}`)
}

type Reduction = (deadLetter: OutgoingDeadLetter) => OutgoingDeadLetter | undefined

const REDUCTIONS: Record<RejectionCause, Reduction> = {
  size: smaller,
  timestamp: (deadLetter) =>
    OWN_HEADERS.originalTimestamp in deadLetter.ownHeaders
      ? undefined
      : withTimestampOfNow(deadLetter),
  // a compacted topic rejects a record without a key
  record: (deadLetter) => (deadLetter.message.key === null ? withKey(deadLetter) : undefined),
}

/** Takes away the value, then the record's headers, then the key. */
function smaller(deadLetter: OutgoingDeadLetter): OutgoingDeadLetter | undefined {
  const { message, ownHeaders } = deadLetter
  if (message.value !== null) return withoutValue(deadLetter, 'too-large')
  if (message.headers !== ownHeaders) {
    return { ...deadLetter, message: { ...message, headers: ownHeaders } }
  }
  return (message.key?.length ?? 0) > 0
    ? { ...deadLetter, message: { ...message, key: null } }
    : undefined
}

function withoutValue(
  deadLetter: OutgoingDeadLetter,
  why: ValueOmitted,
  more: WritableHeaders = {},
): OutgoingDeadLetter {
  const added = withHeaders(deadLetter, { [OWN_HEADERS.valueOmitted]: why, ...more })
  return { ...added, message: { ...added.message, value: null } }
}

function withTimestampOfNow(deadLetter: OutgoingDeadLetter): OutgoingDeadLetter {
  const original = deadLetter.origin.record.timestamp
  const added = withHeaders(deadLetter, { [OWN_HEADERS.originalTimestamp]: original })
  // kafkajs gives a message without a timestamp the time of sending
  const { timestamp: _, ...message } = added.message
  return { ...added, message }
}

function withKey(deadLetter: OutgoingDeadLetter): OutgoingDeadLetter {
  const { topic, partition, record } = deadLetter.origin
  const key = `${topic}/${partition}/${record.offset}`
  return { ...deadLetter, message: { ...deadLetter.message, key } }
}

function withHeaders(deadLetter: OutgoingDeadLetter, more: WritableHeaders): OutgoingDeadLetter {
  const ownHeaders = { ...deadLetter.ownHeaders, ...more }
  const isOwnOnly = deadLetter.message.headers === deadLetter.ownHeaders
  const headers = isOwnOnly
    ? ownHeaders
    : withOwnHeaders(deadLetter.origin.record.headers, ownHeaders)
  return { ...deadLetter, ownHeaders, message: { ...deadLetter.message, headers } }
}
