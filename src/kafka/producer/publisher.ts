/**
 * Publishes events. Calls that come while a request is on its way go together in the next
 * one, so that many small callers cost few requests, and nobody waits for more to come.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Unavailable } from '../../pipeline/errors.ts'
import type { Log } from '../../pipeline/ports.ts'
import type { Message } from '../client/kafkajs.ts'
import type { KafkaSettings } from '../client/settings.ts'
import { messageBytes } from './message-size.ts'
import { createSender, RecordsRejected, type RejectionCause } from './sender.ts'

export interface OutgoingRecord {
  readonly key: Buffer | string | null
  readonly value: Buffer | string | null
  readonly headers?: Readonly<Record<string, Buffer | string | (Buffer | string)[]>>
  /** Milliseconds since 1970 in decimal digits; without it, the time of sending. */
  readonly timestamp?: string
}

export interface Publisher {
  /**
   * Resolves once every record is in the topic, acknowledged by all replicas in sync.
   *
   * @throws RecordRejected, naming the first record that the topic does not take; those before
   *   it are written. NotRetriable without the right to write. Unavailable once the deadline is
   *   over: some may be written
   * @param deadlineMs where it is another than that of all calls
   */
  publish(records: readonly OutgoingRecord[], deadlineMs?: number): Promise<void>
  /** What is on its way is given the time to arrive, within the deadline. */
  close(): Promise<void>
}

export class RecordRejected extends Error {
  override readonly name = 'RecordRejected'
  /** Place of the record in the call. */
  readonly index: number
  readonly reason: RejectionCause

  constructor(index: number, { reason, message }: RecordsRejected) {
    super(`record ${index} is refused by ${message}`)
    this.index = index
    this.reason = reason
  }
}

export interface PublisherLimits {
  /** How long a call may take, outages included. */
  readonly deadlineMs?: number
  /** What may wait in memory, of all calls together; a call over it is refused at once. */
  readonly maxWaitingBytes?: number
  /** Told of every failed attempt, long before the calls that wait for it are given up. */
  readonly onOutage?: (outage: Unavailable) => void
}

/** Stays under what a topic takes in one batch by default. */
const REQUEST_BYTES = 900_000
/** More of one call don't fit into a request, whatever their size. */
const MOST_RECORDS = 10_000
const RETRY_DELAY_MS = 200

export function createPublisher(
  settings: KafkaSettings,
  log: Log,
  limits: PublisherLimits = {},
): Publisher {
  const { maxWaitingBytes = 64 * 1024 * 1024, onOutage = () => {} } = limits
  const sender = createSender(settings, log)
  const send: Send = async (messages) => {
    try {
      await sender.send(settings.topic, messages)
    } catch (error) {
      if (error instanceof Unavailable) onOutage(error)
      throw error
    }
  }
  const waiting: Call[] = []
  const unsettled = new Set<Promise<void>>()
  let waitingBytes = 0
  let isPumping = false
  let isClosed = false

  const pump = async () => {
    if (isPumping) return
    isPumping = true
    while (waiting.length > 0) await sendNext(send, waiting)
    isPumping = false
  }

  return {
    publish: async (records, deadlineMs = limits.deadlineMs ?? 10_000) => {
      if (isClosed) throw new Unavailable('kafka', 'the publisher is closed')
      if (records.length === 0) return
      const call = callOf(records)
      if (waitingBytes + call.bytes > maxWaitingBytes && waitingBytes > 0) {
        const message = `${waitingBytes} bytes wait for Kafka already: try again later`
        throw new Unavailable('kafka', message)
      }
      waitingBytes += call.bytes
      const timer = setTimeout(() => call.settle(lateness(call, deadlineMs)), deadlineMs)
      waiting.push(call)
      unsettled.add(call.done)
      pump()
      try {
        await call.done
      } finally {
        clearTimeout(timer)
        unsettled.delete(call.done)
        waitingBytes -= call.bytes
      }
    },
    close: async () => {
      isClosed = true
      await Promise.allSettled(unsettled)
      await sender.close()
    },
  }
}

type Send = (messages: Message[]) => Promise<void>

/** One call of `publish`, as far as it has come. */
interface Call {
  readonly messages: readonly Message[]
  readonly bytes: number
  /** How many of its records are acknowledged. */
  sent: number
  isSettled: boolean
  outage: Unavailable | undefined
  readonly done: Promise<void>
  settle(error?: Error): void
}

function callOf(records: readonly OutgoingRecord[]): Call {
  const messages = records.map((record): Message => ({ ...record }))
  const bytes = messages.reduce((sum, message) => sum + messageBytes(message), 0)
  const { promise: done, resolve, reject } = Promise.withResolvers<void>()
  const call: Call = {
    messages,
    bytes,
    sent: 0,
    isSettled: false,
    outage: undefined,
    done,
    settle: (error) => {
      call.isSettled = true
      if (error === undefined) resolve()
      else reject(error)
    },
  }
  return call
}

/** Sends one request with what waits, and settles the calls that are done. */
async function sendNext(send: Send, waiting: Call[]): Promise<void> {
  const parts = nextParts(waiting)
  try {
    const messages = parts.flatMap((part) => part.messages)
    if (messages.length > 0) await send(messages)
    for (const { call, messages } of parts) advance(call, messages.length)
  } catch (error) {
    await recover(error, send, parts)
  }
  for (const call of waiting.splice(0)) if (!call.isSettled) waiting.push(call)
}

interface Part {
  readonly call: Call
  readonly messages: readonly Message[]
}

/** What goes in one request: the next records of each call, in the order of the calls. */
function nextParts(waiting: readonly Call[]): Part[] {
  const parts: Part[] = []
  let bytes = 0
  for (const call of waiting) {
    if (call.isSettled) continue
    let end = call.sent
    for (const message of call.messages.slice(call.sent, call.sent + MOST_RECORDS)) {
      bytes += messageBytes(message)
      // one that is larger by itself goes alone
      if (bytes > REQUEST_BYTES && (end > call.sent || parts.length > 0)) break
      end++
    }
    if (end > call.sent) parts.push({ call, messages: call.messages.slice(call.sent, end) })
    if (bytes > REQUEST_BYTES || end < call.messages.length) break
  }
  return parts
}

function advance(call: Call, count: number): void {
  call.sent += count
  if (call.sent === call.messages.length && !call.isSettled) call.settle()
}

async function recover(error: unknown, send: Send, parts: readonly Part[]): Promise<void> {
  if (error instanceof RecordsRejected) {
    for (const part of parts) await sendAlone(send, part)
    return
  }
  if (error instanceof Unavailable) {
    for (const { call } of parts) call.outage = error
    await sleep(RETRY_DELAY_MS)
    return
  }
  const known = error instanceof Error ? error : new Error(String(error))
  for (const { call } of parts) call.settle(known)
}

/** One call's part by itself, halved until what is refused stands alone. */
async function sendAlone(send: Send, { call, messages }: Part): Promise<void> {
  if (call.isSettled) return
  try {
    await send([...messages])
    advance(call, messages.length)
  } catch (error) {
    if (!(error instanceof RecordsRejected)) return recover(error, send, [{ call, messages }])
    if (messages.length === 1) return call.settle(new RecordRejected(call.sent, error))
    const half = Math.ceil(messages.length / 2)
    const sentBefore = call.sent
    await sendAlone(send, { call, messages: messages.slice(0, half) })
    // where the first half has to wait, the second stays behind it
    if (call.sent !== sentBefore + half) return
    await sendAlone(send, { call, messages: messages.slice(half) })
  }
}

function lateness(call: Call, deadlineMs: number): Unavailable {
  const why = call.outage?.message ?? 'the acknowledgement did not come'
  return new Unavailable('kafka', `${why} (waited ${deadlineMs} ms)`, { cause: call.outage })
}
