/** Sends records and lets no outage keep it from that: at least once, acknowledged by all. */
import { setTimeout as sleep } from 'node:timers/promises'
import { kafkajs, type Message, type Producer } from '../../../src/kafka/client/kafkajs.ts'
import { createRecords, NUMBER_HEADER, type OutgoingRecord } from './events.ts'

export interface Load {
  /** Sends so many more, as fast as Kafka takes them; resolves once each is acknowledged. */
  send(count: number): Promise<void>
  /** Sends at this rate until it is stopped; one at a time. */
  run(recordsPerSecond: number): RunningLoad
  /** Numbers (see NUMBER_HEADER) from 0 up to this, exclusive, may be in the topic. */
  readonly handedOut: number
  /** Of these, the ones that were acknowledged. */
  readonly acknowledged: ReadonlySet<number>
  /** Ends what runs, acknowledged or not. */
  close(): Promise<void>
}

export interface RunningLoad {
  /** Resolves once all that was begun is acknowledged. @throws what the load failed with */
  stop(): Promise<void>
}

export interface LoadOptions {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly seed: number
}

const MAX_SENT_AT_ONCE = 250
const PAUSE_MS = 250
const ROUND_MS = 100

export function createLoad({ brokers, topic, seed }: LoadOptions): Load {
  const next = createRecords(seed)
  const acknowledged = new Set<number>()
  const closing = new AbortController()
  let handedOut = 0
  let producer: Producer | undefined

  const sendOnce = async (messages: Message[]) => {
    if (producer === undefined) {
      producer = createProducer(brokers)
      await producer.connect()
    }
    await producer.send({ topic, messages, acks: -1 })
  }
  const giveUpProducer = () => {
    producer?.disconnect().catch(() => {}) // of a broker that is away: nothing to learn from it
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
        // whatever it was: the record is to be in the topic, be it twice
        giveUpProducer()
        await sleep(PAUSE_MS, undefined, { signal: closing.signal })
      }
    }
    for (const { headers } of records) acknowledged.add(Number(headers[NUMBER_HEADER]))
  }
  const send = async (count: number) => {
    for (let left = count; left > 0; left -= MAX_SENT_AT_ONCE) {
      const records = Array.from({ length: Math.min(left, MAX_SENT_AT_ONCE) }, next)
      handedOut += records.length
      await sendBatch(records)
    }
  }
  return {
    send,
    run(recordsPerSecond) {
      const stopping = new AbortController()
      const running = keepSending(send, recordsPerSecond, stopping.signal)
      running.catch(() => {}) // told by `stop`
      return {
        async stop() {
          stopping.abort()
          await running
        },
      }
    },
    get handedOut() {
      return handedOut
    },
    acknowledged,
    async close() {
      closing.abort()
      giveUpProducer()
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
    // after an outage it goes on at its rate, and does not make up for it
    const count = Math.min(due, recordsPerSecond)
    sent += due
    if (count > 0) await send(count)
    else await sleep(ROUND_MS)
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
    // new partitions get their share soon
    metadataMaxAge: 1000,
    retry: { retries: 0 },
  })
}
