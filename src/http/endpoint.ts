import type { IncomingHttpHeaders } from 'node:http'

/** One thing that a server offers. HEAD comes with GET. */
export interface Endpoint {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** What it is for, shown to whoever asks for something that is not there. */
  readonly about: string
  /** What bodies it takes; without it, none is read. */
  readonly body?: BodyRules
  /** Throws only where there is a bug: that is logged and answered with 500. */
  handle(request: HttpRequest): Answer | Promise<Answer>
}

export interface BodyRules {
  readonly maxBytes: number
  readonly tooLarge: Answer
  /** Looks at the headers before any of the body is read; an answer refuses the request. */
  refuse(headers: IncomingHttpHeaders): Answer | undefined
}

export interface HttpRequest {
  readonly headers: IncomingHttpHeaders
  /** The bytes as received; empty where there are none. */
  readonly body: Buffer
}

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Text as it is; anything else is sent as JSON. */
  readonly body: string | object
}

/** What every answer that is no success is made of: a code for programs, a text for people. */
export function failure(
  status: number,
  error: string,
  message: string,
  headers?: Readonly<Record<string, string>>,
): Answer {
  return { status, body: { error, message }, ...(headers && { headers }) }
}
