/**
 * The contract over HTTP: `POST /group` with one event as JSON. The event is decoded by the worker's
 * decoder. The body is published byte for byte (unzipped if it is gzipped).
 *
 * | status | body | |
 * |---|---|---|
 * | 200 | `{ status: "accepted", group_id, user_id, assigned, timestamp, traits, removed_traits }` | Kafka has acknowledged the event. `timestamp` is the time as parsed, in UTC to the microsecond; `traits` and `removed_traits` are names; `user_id` is null for an anonymous visitor |
 * | 400 | `{ error: "invalid_event", problems: [{ reason, path, message }] }` | all problems of the event; nothing was published |
 * | 413 | the same, reason `too_large` | |
 * | 415 | `{ error, message }` | not JSON in UTF-8, plain or gzipped |
 * | 503 | `{ error: "unavailable", message }` and Retry-After | Kafka has not acknowledged the event, and may or may not have stored it. Send it again: a duplicate changes nothing |
 */
import type { Ignored } from '../domain/event/decode.ts'
import type { GroupEvent } from '../domain/event/event.ts'
import type { Problem, Rejected } from '../domain/problem.ts'
import { NotRetriable, Unavailable } from '../pipeline/errors.ts'
import type { Log } from '../pipeline/ports.ts'
import { type Answer, type Endpoint, failure } from './endpoint.ts'
import { type Health, operationsEndpoints, type Scrape } from './health.ts'
import { accepted, invalid } from './receipt.ts'
import { contentOf, rejectContent } from './request-body.ts'
import { createHttpServer, type HttpServer } from './server.ts'

export interface GatewayOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly log: Log
  /** Decodes an event as if Kafka had received it at `receivedAtMs`. */
  readonly decode: (value: Buffer, receivedAtMs: number) => GroupEvent | Ignored | Rejected
  /**
   * Resolves once Kafka has acknowledged the event. Has its own timeout.
   *
   * @throws EventTooLarge if it exceeds the limit of the topic; Unavailable if it is unknown whether
   *   Kafka stored it; NotRetriable if Kafka rejected it because a right is missing
   */
  readonly publish: (key: string, value: Buffer) => Promise<void>
  readonly health: () => Health
  readonly metrics: () => Promise<Scrape>
  /** Called after each answer to an event. */
  readonly onAnswer: (status: number, durationMs: number) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly maxEventBytes: number
  /** How long a client may take to send a request. */
  readonly requestTimeoutMs?: number
}

/** The event is within our own limit, but exceeds that of the topic. */
export class EventTooLarge extends Error {
  override readonly name = 'EventTooLarge'
}

const PATH = '/group'

export function createGateway(options: GatewayOptions): HttpServer {
  const { host, port, log, health, metrics, onAnswer, requestTimeoutMs = 15_000 } = options
  return createHttpServer(
    {
      host,
      port,
      variables: 'GATEWAY',
      log,
      requestTimeoutMs,
      onAnswer: ({ path, status, durationMs }) => {
        if (path === PATH) onAnswer(status, durationMs)
      },
    },
    [groupEndpoint(options), ...operationsEndpoints(health, metrics)],
  )
}

function groupEndpoint(options: GatewayOptions): Endpoint {
  const { decode, publish, now, maxEventBytes, log } = options
  const tooLarge = answerTooLarge(
    `the event has too many bytes: at most ${maxEventBytes} are allowed`,
  )

  return {
    method: 'POST',
    path: PATH,
    about: 'Accepts one group event as JSON; answers once Kafka has acknowledged it',
    body: { maxBytes: maxEventBytes, tooLarge, reject: rejectContent },

    async handle({ headers, body }): Promise<Answer> {
      const content = await contentOf(body, headers, maxEventBytes)
      if (content === 'too_large') return tooLarge
      if (content === 'not_gzip') {
        return failure(400, 'bad_request', 'The body is not gzip, though content-encoding says so')
      }
      const decoded = decode(content, now())
      switch (decoded.kind) {
        case 'ignored':
          return invalid(400, [otherType(decoded.type)])
        case 'rejected':
          return invalid(400, decoded.problems)
        case 'group':
          try {
            await publish(decoded.groupId, content)
            return accepted(decoded)
          } catch (error) {
            if (error instanceof EventTooLarge) {
              return answerTooLarge('the event is larger than the topic allows (max.message.bytes)')
            }
            if (!(error instanceof Unavailable || error instanceof NotRetriable)) throw error
            log.debug({ err: error }, 'Kafka did not acknowledge an event')
            return KAFKA_AWAY
          }
      }
    },
  }
}

const KAFKA_AWAY = failure(
  503,
  'unavailable',
  'Kafka did not acknowledge the event, and may or may not have stored it. Send it again: a duplicate changes nothing.',
  { 'retry-after': '5' },
)

function answerTooLarge(message: string): Answer {
  return invalid(413, [{ reason: 'too_large', path: '', message }])
}

function otherType(type: string): Problem {
  const shown = JSON.stringify(type.slice(0, 100))
  return {
    reason: 'invalid_field',
    path: '/type',
    message: `must be "group" or absent: events of type ${shown} are not accepted here`,
  }
}
