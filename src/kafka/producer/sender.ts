/**
 * Writes to topics, acknowledged by all replicas in sync (acks=all).
 *
 * Not idempotent: kafkajs' idempotent producer can run out of sequence after a time-out and
 * then never writes again. Repeating is safe here: events merge, dead letters are told apart
 * by where they came from.
 */
import { NotRetriable, Unavailable } from '../../pipeline/errors.ts'
import type { Log } from '../../pipeline/ports.ts'
import { createClient } from '../client/client.ts'
import { withDeadline } from '../client/deadline.ts'
import { hasType, reasonOf, translate } from '../client/failures.ts'
import type { Message, Producer } from '../client/kafkajs.ts'
import { rightsToWrite } from '../client/rights.ts'
import type { KafkaSettings } from '../client/settings.ts'
import { createPartitioner } from './partitioner.ts'

export type RejectionCause = 'size' | 'timestamp' | 'record'

/** The broker refuses one of the records for what it is: its size, its timestamp, its key. */
export class RecordsRejected extends Error {
  override readonly name = 'RecordsRejected'
  readonly reason: RejectionCause

  constructor(reason: RejectionCause, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

export interface Sender {
  /**
   * Sends all of them in one request, connecting first where need be.
   *
   * @throws RecordsRejected, where some may have been written; NotRetriable without the right to;
   *   Unavailable, where it is unknown what was written
   */
  send(topic: string, messages: Message[]): Promise<void>
  close(): Promise<void>
}

const CLOSE_DEADLINE_MS = 5000

export function createSender(settings: KafkaSettings, log: Log): Sender {
  let connected: Promise<Producer> | undefined

  const dropProducer = () => {
    const dropped = connected
    connected = undefined
    // in the background: nothing is to be had from it any more
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
        await withDeadline(sending, 2 * settings.requestTimeoutMs, `writing to topic ${topic}`)
      } catch (error) {
        const refused = refusal(error, topic)
        if (refused !== undefined) throw refused
        dropProducer()
        throw meaning(error, topic, settings)
      }
    },
    close: async () => {
      const closing = connected
      connected = undefined
      try {
        const disconnecting = closing?.then((producer) => producer.disconnect())
        await withDeadline(Promise.resolve(disconnecting), CLOSE_DEADLINE_MS, 'disconnecting')
      } catch (error) {
        log.debug({ error: String(error) }, 'the producer was left as it is')
      }
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

function refusal(error: unknown, topic: string): RecordsRejected | undefined {
  const reason = hasType(error, 'MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE')
    ? 'size'
    : hasType(error, 'INVALID_TIMESTAMP')
      ? 'timestamp'
      : hasType(error, 'INVALID_RECORD')
        ? 'record'
        : undefined
  if (reason === undefined) return undefined
  return new RecordsRejected(reason, `topic ${topic}: ${reasonOf(error)}`, { cause: error })
}

/** A bug of the client is an outage to who writes: it is told, and tried again. */
function meaning(
  error: unknown,
  topic: string,
  settings: KafkaSettings,
): NotRetriable | Unavailable {
  const doing = `writing to topic ${topic}`
  const known = translate(error, doing, rightsToWrite(settings, topic))
  if (known instanceof NotRetriable || known instanceof Unavailable) return known
  return new Unavailable('kafka', `${doing}: ${known.message}`, { cause: error })
}
