/**
 * Writes to topics, acknowledged by all in-sync replicas (acks=all).
 *
 * The producer is not idempotent: after a timeout, kafkajs' idempotent producer can get its
 * sequence numbers wrong, and then it never writes again. Writing twice is safe here: the merge of
 * events is idempotent, and topic, partition and offset of its record identify a dead letter.
 */
import { NotRetriable, Unavailable } from '../../pipeline/errors.ts'
import type { Log } from '../../pipeline/ports.ts'
import { createClient } from '../client/client.ts'
import { waitForDisconnect } from '../client/disconnect.ts'
import { hasType, reasonOf, translate } from '../client/error-translation.ts'
import type { Message, Producer } from '../client/kafkajs.ts'
import { rightsToWrite } from '../client/rights.ts'
import type { KafkaSettings } from '../client/settings.ts'
import { withTimeout } from '../client/timeout.ts'
import { createPartitioner } from './partitioner.ts'

/** What is wrong with a record: its size, its timestamp, or the record itself (no key). */
export type RejectionCause = 'size' | 'timestamp' | 'record'

/**
 * The broker rejects a request because of one of its records. The sender finds that record (see
 * bisection.ts), and changes it or reports it; to repeat the request would not help.
 */
export class RequestRejected extends Error {
  override readonly name = 'RequestRejected'
  readonly reason: RejectionCause

  constructor(reason: RejectionCause, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

export interface Sender {
  /**
   * Sends the messages in one request; connects first if there is no connection.
   *
   * @throws RequestRejected or Unavailable: some of the messages may have been written;
   *   NotRetriable without the right to write
   */
  send(topic: string, messages: Message[]): Promise<void>
  close(): Promise<void>
}

const CLOSE_TIMEOUT_MS = 5000

export function createSender(settings: KafkaSettings, log: Log): Sender {
  let connected: Promise<Producer> | undefined

  const dropProducer = () => {
    const dropped = connected
    connected = undefined
    // in the background: nothing depends on it
    dropped?.then((producer) => producer.disconnect()).catch(() => {})
  }

  return {
    send: async (topic, messages) => {
      const sending = (async () => {
        connected ??= connect(settings, log)
        const producer = await connected
        await producer.send({ topic, messages, acks: -1, timeout: settings.requestTimeoutMs })
      })()
      try {
        await withTimeout(sending, 2 * settings.requestTimeoutMs, `writing to topic ${topic}`)
      } catch (error) {
        const rejection = rejectionOf(error, topic)
        if (rejection !== undefined) throw rejection
        dropProducer()
        throw meaningOf(error, topic, settings)
      }
    },
    close: async () => {
      const closing = connected
      connected = undefined
      const disconnecting = closing?.then((producer) => producer.disconnect())
      if (disconnecting === undefined) return
      await waitForDisconnect(disconnecting, CLOSE_TIMEOUT_MS, 'disconnecting the producer', log)
    },
  }
}

async function connect(settings: KafkaSettings, log: Log): Promise<Producer> {
  const producer = createClient(settings, log).producer({
    allowAutoTopicCreation: false,
    createPartitioner,
    retry: { retries: 2 },
  })
  await producer.connect()
  return producer
}

function rejectionOf(error: unknown, topic: string): RequestRejected | undefined {
  const reason = hasType(error, 'MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE')
    ? 'size'
    : hasType(error, 'INVALID_TIMESTAMP')
      ? 'timestamp'
      : hasType(error, 'INVALID_RECORD')
        ? 'record'
        : undefined
  if (reason === undefined) return undefined
  return new RequestRejected(reason, `topic ${topic}: ${reasonOf(error)}`, { cause: error })
}

/** A bug of kafkajs is an outage, too: callers report it and retry, with a new producer. */
function meaningOf(
  error: unknown,
  topic: string,
  settings: KafkaSettings,
): NotRetriable | Unavailable {
  const doing = `writing to topic ${topic}`
  const known = translate(error, doing, rightsToWrite(settings, topic))
  if (known instanceof NotRetriable || known instanceof Unavailable) return known
  return new Unavailable('kafka', `${doing}: ${known.message}`, { cause: error })
}
