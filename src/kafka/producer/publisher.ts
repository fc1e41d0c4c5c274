/**
 * Publishes events. One request is sent at a time, and all calls that come meanwhile share the next
 * one. So many small calls need few requests, and no call waits for others to come.
 *
 * The states of a call and their transitions:
 *
 *     waiting  -> sending    its next records are in the request
 *     sending  -> waiting    acknowledged, and more of its records are left; or an outage: it is
 *                            retried
 *              -> done       all its records are acknowledged
 *              -> rejected   the broker rejects one of its records: RecordRejected
 *              -> failed     any other error, such as NotRetriable
 *     waiting, sending
 *              -> expired    its timeout is over: Unavailable
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Unavailable } from '../../pipeline/errors.ts'
import type { Log } from '../../pipeline/ports.ts'
import type { Message } from '../client/kafkajs.ts'
import type { KafkaSettings } from '../client/settings.ts'
import { sendBisecting } from './bisection.ts'
import { messageBytes, REQUEST_BYTES } from './request-packing.ts'
import { createSender, type RejectionCause, RequestRejected } from './sender.ts'

export interface OutgoingRecord {
  readonly key: Buffer | string | null
  readonly value: Buffer | string | null
  readonly headers?: Readonly<Record<string, Buffer | string | (Buffer | string)[]>>
  /** Milliseconds since 1970, in decimal digits. If left out: the time of sending. */
  readonly timestamp?: string
}

export interface Publisher {
  /**
   * Resolves once all in-sync replicas have acknowledged every record.
   *
   * @param timeoutMs overrides the timeout of the publisher
   * @throws RecordRejected, with the first record that the broker rejects; those before it are
   *   written. NotRetriable without the right to write. Unavailable if too many bytes wait, or after
   *   the timeout: some records may be written
   */
  publish(records: readonly OutgoingRecord[], timeoutMs?: number): Promise<void>
  /** Takes no further call, waits until all calls are settled, and disconnects. */
  close(): Promise<void>
}

/** The broker rejects a record of a call, for its size, its timestamp or its key. */
export class RecordRejected extends Error {
  override readonly name = 'RecordRejected'
  /** The index of the record in the call. */
  readonly index: number
  readonly reason: RejectionCause

  constructor(index: number, { reason, message }: RequestRejected) {
    super(`record ${index} is rejected by ${message}`)
    this.index = index
    this.reason = reason
  }
}

export interface PublisherLimits {
  /** How long a call may take, outages included. */
  readonly timeoutMs?: number
  /** How many bytes may wait, of all calls together. A call beyond that fails at once. */
  readonly maxWaitingBytes?: number
  /** Called after every attempt that failed with an outage, long before the calls expire. */
  readonly onOutage?: (outage: Unavailable) => void
}

/** The most records of one call in one request, however small they are. */
const MAX_RECORDS = 10_000
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
  let isSending = false
  let isClosed = false

  const sendUntilDone = async () => {
    if (isSending) return
    isSending = true
    while (waiting.length > 0) await sendNext(send, waiting)
    isSending = false
  }

  return {
    publish: async (records, timeoutMs = limits.timeoutMs ?? 10_000) => {
      if (isClosed) throw new Unavailable('kafka', 'the publisher is closed')
      if (records.length === 0) return
      const call = callOf(records)
      if (waitingBytes + call.bytes > maxWaitingBytes && waitingBytes > 0) {
        const message = `${waitingBytes} bytes wait for Kafka already: try again later`
        throw new Unavailable('kafka', message)
      }
      waitingBytes += call.bytes
      const timer = setTimeout(() => call.settle(expiryOf(call, timeoutMs)), timeoutMs)
      waiting.push(call)
      unsettled.add(call.done)
      sendUntilDone()
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

/** A call of `publish`, and how far it is. */
interface Call {
  readonly messages: readonly Message[]
  readonly bytes: number
  /** How many of its records are acknowledged. */
  sent: number
  isSettled: boolean
  /** The latest outage that it ran into. */
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

/** Sends one request with the next records of the waiting calls, then drops the settled calls. */
async function sendNext(send: Send, waiting: Call[]): Promise<void> {
  const slices = nextSlices(waiting)
  try {
    const messages = slices.flatMap((slice) => slice.messages)
    if (messages.length > 0) await send(messages)
    for (const { call, messages } of slices) advance(call, messages.length)
  } catch (error) {
    if (error instanceof RequestRejected) {
      for (const slice of slices) await sendAlone(send, slice)
    } else {
      await handleFailure(error, slices)
    }
  }
  for (const call of waiting.splice(0)) if (!call.isSettled) waiting.push(call)
}

/** The records of one call that go into one request. */
interface CallSlice {
  readonly call: Call
  readonly messages: readonly Message[]
}

/** Returns what goes into the next request: records of each call, in the order of the calls. */
function nextSlices(waiting: readonly Call[]): CallSlice[] {
  const slices: CallSlice[] = []
  let bytes = 0
  for (const call of waiting) {
    if (call.isSettled) continue
    let end = call.sent
    for (const message of call.messages.slice(call.sent, call.sent + MAX_RECORDS)) {
      bytes += messageBytes(message)
      // a message that is larger than a request is sent alone
      if (bytes > REQUEST_BYTES && (end > call.sent || slices.length > 0)) break
      end++
    }
    if (end > call.sent) slices.push({ call, messages: call.messages.slice(call.sent, end) })
    if (bytes > REQUEST_BYTES || end < call.messages.length) break
  }
  return slices
}

function advance(call: Call, count: number): void {
  call.sent += count
  if (call.sent === call.messages.length && !call.isSettled) call.settle()
}

/** Sends the records of one call up to the first that the broker rejects. */
async function sendAlone(send: Send, { call, messages }: CallSlice): Promise<void> {
  const sendAndAdvance = async (some: readonly Message[]) => {
    if (call.isSettled) return
    await send([...some])
    advance(call, some.length)
  }
  try {
    await sendBisecting(messages, sendAndAdvance, (_, rejection) => {
      throw new RecordRejected(call.sent, rejection)
    })
  } catch (error) {
    await handleFailure(error, [{ call, messages }])
  }
}

/** Lets the calls wait for a retry after an outage; settles them after any other error. */
async function handleFailure(error: unknown, slices: readonly CallSlice[]): Promise<void> {
  if (error instanceof Unavailable) {
    for (const { call } of slices) call.outage = error
    await sleep(RETRY_DELAY_MS)
    return
  }
  const known = error instanceof Error ? error : new Error(String(error))
  for (const { call } of slices) call.settle(known)
}

function expiryOf(call: Call, timeoutMs: number): Unavailable {
  const why = call.outage?.message ?? 'Kafka did not acknowledge the records'
  return new Unavailable('kafka', `${why} (waited ${timeoutMs} ms)`, { cause: call.outage })
}
