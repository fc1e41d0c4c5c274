/**
 * Writes rejected records to the dead-letter topic, whatever the topic refuses of them: a
 * dead letter never wedges a partition.
 */
import type { DeadLetter } from '../../domain/dead-letter.ts'
import { asOutage, Unavailable } from '../../pipeline/errors.ts'
import type { DeadLetterTopic, Log } from '../../pipeline/ports.ts'
import type { Message } from '../client/kafkajs.ts'
import type { KafkaSettings } from '../client/settings.ts'
import {
  OWN_HEADERS,
  ownHeaders,
  type ValueOmitted,
  type WritableHeaders,
  withOwn,
} from './dead-letter-headers.ts'
import { packBySize } from './message-size.ts'
import { createSender, RecordsRejected, type RejectionCause, type Sender } from './sender.ts'

export interface DeadLetterWriter extends DeadLetterTopic {
  /**
   * Writes a letter without a value, for the records from its own to `lastOffset`, which
   * nobody could read.
   *
   * @throws Unavailable
   */
  writeUndecodable(deadLetter: DeadLetter, lastOffset: bigint): Promise<void>
  close(): Promise<void>
}

/** Stays under what a topic takes in one batch by default. */
const REQUEST_BYTES = 900_000
/** With its headers, a letter takes several times the memory of its record. */
const LETTERS_AT_ONCE = 500

export function createDeadLetterTopic(settings: KafkaSettings, log: Log): DeadLetterWriter {
  const sender = createSender(settings, log)
  const write = async (letters: readonly Letter[]) => {
    try {
      for (const packed of packBySize(letters, REQUEST_BYTES, ({ message }) => message)) {
        await sendAll(sender, settings.deadLetterTopic, packed)
      }
    } catch (error) {
      throw asOutage(error)
    }
  }
  return {
    write: async (deadLetters) => {
      for (let at = 0; at < deadLetters.length; at += LETTERS_AT_ONCE) {
        const some = deadLetters.slice(at, at + LETTERS_AT_ONCE)
        await write(some.map((letter) => letterOf(letter, settings)))
      }
    },
    writeUndecodable: (deadLetter, lastOffset) => {
      const letter = letterOf(deadLetter, settings)
      const headers = { [OWN_HEADERS.lastOffset]: String(lastOffset) }
      return write([withoutValue(letter, 'undecodable', headers)])
    },
    close: () => sender.close(),
  }
}

/** A dead letter on its way. */
interface Letter {
  readonly message: Message
  /** Our headers alone, for where the others are too many. */
  readonly own: WritableHeaders
  readonly origin: DeadLetter
}

function letterOf(origin: DeadLetter, { groupId }: KafkaSettings): Letter {
  const { key, value, headers, timestamp } = origin.record
  const own = ownHeaders(origin, groupId)
  const message = { key, value, headers: withOwn(headers, own), timestamp }
  const letter = { message, own, origin }
  return Number(timestamp) < 0 ? withTimestampOfNow(letter) : letter
}

/** Sends all of them, narrowing down to those that are refused, which are sent as they may be. */
async function sendAll(sender: Sender, topic: string, letters: readonly Letter[]): Promise<void> {
  try {
    const messages = letters.map(({ message }) => message)
    await sender.send(topic, messages)
  } catch (error) {
    if (!(error instanceof RecordsRejected)) throw error
    const [only] = letters
    if (letters.length > 1 || only === undefined) {
      const half = Math.ceil(letters.length / 2)
      await sendAll(sender, topic, letters.slice(0, half))
      await sendAll(sender, topic, letters.slice(half))
      return
    }
    await sendAll(sender, topic, [accepted(only, error)])
  }
}

/** The letter with less of what was refused; each step changes it, so that there is an end. */
function accepted(letter: Letter, { reason, message }: RecordsRejected): Letter {
  const changed = CHANGES[reason](letter)
  if (changed !== undefined) return changed
  throw new Unavailable('kafka', `a dead letter is refused: ${message}`)
}

const CHANGES: Record<RejectionCause, (letter: Letter) => Letter | undefined> = {
  size: smaller,
  timestamp: (letter) => {
    return OWN_HEADERS.originalTimestamp in letter.own ? undefined : withTimestampOfNow(letter)
  },
  // a compacted topic takes no record without a key
  record: (letter) => (letter.message.key === null ? withKey(letter) : undefined),
}

function smaller(letter: Letter): Letter | undefined {
  const { message, own } = letter
  if (message.value !== null) return withoutValue(letter, 'too-large')
  if (message.headers !== own) return { ...letter, message: { ...message, headers: own } }
  return (message.key?.length ?? 0) > 0
    ? { ...letter, message: { ...message, key: null } }
    : undefined
}

function withoutValue(letter: Letter, why: ValueOmitted, more: WritableHeaders = {}): Letter {
  const added = withHeaders(letter, { [OWN_HEADERS.valueOmitted]: why, ...more })
  return { ...added, message: { ...added.message, value: null } }
}

function withTimestampOfNow(letter: Letter): Letter {
  const original = letter.origin.record.timestamp
  const added = withHeaders(letter, { [OWN_HEADERS.originalTimestamp]: original })
  const { timestamp: _, ...message } = added.message
  // without one, kafkajs gives it the time of sending
  return { ...added, message }
}

function withKey(letter: Letter): Letter {
  const { topic, partition, record } = letter.origin
  return {
    ...letter,
    message: { ...letter.message, key: `${topic}/${partition}/${record.offset}` },
  }
}

function withHeaders(letter: Letter, more: WritableHeaders): Letter {
  const own = { ...letter.own, ...more }
  const isOwnOnly = letter.message.headers === letter.own
  const headers = isOwnOnly ? own : withOwn(letter.origin.record.headers, own)
  return { ...letter, own, message: { ...letter.message, headers } }
}
