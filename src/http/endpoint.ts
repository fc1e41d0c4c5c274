import type { IncomingHttpHeaders } from 'node:http'

/** One method and path of a server. GET includes HEAD. */
export interface Endpoint {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** What it is for. A 404 answer lists the endpoints with this text. */
  readonly about: string
  /** Which bodies it accepts. If undefined, no body is read. */
  readonly body?: BodyRules
  /** @throws only bugs; they are logged and answered with 500 */
  handle(request: HttpRequest): Answer | Promise<Answer>
}

export interface BodyRules {
  readonly maxBytes: number
  readonly tooLarge: Answer
  /** Checks the headers before the body is read. Returns an answer if it rejects the request. */
  reject(headers: IncomingHttpHeaders): Answer | undefined
}

export interface HttpRequest {
  readonly headers: IncomingHttpHeaders
  /** The bytes as received; empty if there is no body. */
  readonly body: Buffer
}

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** A string is sent unchanged, an object as JSON. */
  readonly body: string | object
}

/** Creates an error answer: a code for programs and a text for people. */
export function failure(
  status: number,
  error: string,
  message: string,
  headers?: Readonly<Record<string, string>>,
): Answer {
  return { status, body: { error, message }, ...(headers && { headers }) }
}
