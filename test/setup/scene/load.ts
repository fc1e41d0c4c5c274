/** Produces records with acks=all and retries through every outage, so each arrives at least once. */
import { setTimeout as sleep } from 'node:timers/promises'
import { kafkajs, type Message, type Producer } from '../../../src/kafka/client/kafkajs.ts'
import { createRecords, NUMBER_HEADER, type OutgoingRecord } from './events.ts'

export interface Load {
  /** Sends that many records as fast as Kafka takes them; resolves once all are acknowledged. */
  send(count: number): Promise<void>
  /** Sends at this rate until it is stopped. Only one load may run at a time. */
  run(recordsPerSecond: number): RunningLoad
  /** Numbers (NUMBER_HEADER) of the acknowledged records. */
  readonly acknowledged: ReadonlySet<number>
  /** Stops sending, without waiting for acknowledgements. */
  close(): Promise<void>
}

export interface RunningLoad {
  /** Resolves once all records sent so far are acknowledged. @throws what the load failed with */
  stop(): Promise<void>
}

export interface LoadOptions {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly seed: number
}

const MAX_BATCH_RECORDS = 250
const RETRY_MS = 250
const TICK_MS = 100

export function createLoad({ brokers, topic, seed }: LoadOptions): Load {
  const next = createRecords(seed)
  const acknowledged = new Set<number>()
  const closing = new AbortController()
  let producer: Producer | undefined

  const sendOnce = async (messages: Message[]) => {
    if (producer === undefined) {
      producer = createProducer(brokers)
      await producer.connect()
    }
    await producer.send({ topic, messages, acks: -1 })
  }
  const discardProducer = () => {
    producer?.disconnect().catch(() => {}) // fails while the broker is down, which is fine
    producer = undefined
  }
  const sendBatch = async (records: readonly OutgoingRecord[]) => {
    const messages = records.map((record) => ({ ...record, headers: { ...record.headers } }))
    for (;;) {
      closing.signal.throwIfAborted()
      try {
        await sendOnce(messages)
        break
      } catch {
        // whatever failed: the record must get into the topic, even twice
        discardProducer()
        await sleep(RETRY_MS, undefined, { signal: closing.signal })
      }
    }
    for (const { headers } of records) acknowledged.add(Number(headers[NUMBER_HEADER]))
  }
  const send = async (count: number) => {
    for (let left = count; left > 0; left -= MAX_BATCH_RECORDS) {
      const records = Array.from({ length: Math.min(left, MAX_BATCH_RECORDS) }, next)
      await sendBatch(records)
    }
  }
  return {
    send,
    run(recordsPerSecond) {
      const stopping = new AbortController()
      const running = keepSending(send, recordsPerSecond, stopping.signal)
      running.catch(() => {}) // thrown by `stop`
      return {
        async stop() {
          stopping.abort()
          await running
        },
      }
    },
    acknowledged,
    async close() {
      closing.abort()
      discardProducer()
    },
  }
}

async function keepSending(
  send: (count: number) => Promise<void>,
  recordsPerSecond: number,
  stopping: AbortSignal,
): Promise<void> {
  const startedMs = performance.now()
  let sent = 0
  while (!stopping.aborted) {
    const due = Math.floor(((performance.now() - startedMs) / 1000) * recordsPerSecond) - sent
    // after an outage it continues at its rate and does not catch up
    const count = Math.min(due, recordsPerSecond)
    sent += due
    if (count > 0) await send(count)
    else await sleep(TICK_MS)
  }
}

function createProducer(brokers: readonly string[]): Producer {
  const client = new kafkajs.Kafka({
    brokers: [...brokers],
    clientId: 'load',
    logLevel: kafkajs.logLevel.NOTHING,
    connectionTimeout: 1000,
    requestTimeout: 2000,
    retry: { retries: 0 },
  })
  return client.producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
    // new partitions get records soon
    metadataMaxAge: 1000,
    retry: { retries: 0 },
  })
}
