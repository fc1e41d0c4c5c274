import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Answers a request that is not valid HTTP, or that did not arrive in time, and closes the
 * connection: the bytes that follow cannot be trusted.
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (socket.writable) socket.write(responseTo(error.code))
  socket.destroy()
}

function responseTo(code: string | undefined): string {
  const [status, name, message] = failureOf(code)
  const body = JSON.stringify({ error: name, message })
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'connection: close',
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n')
}

function failureOf(code: string | undefined): [status: number, name: string, message: string] {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'request_timeout', 'The request did not arrive in time']
    case 'HPE_HEADER_OVERFLOW':
      return [431, 'headers_too_large', 'The headers are too large']
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return [413, 'too_large', 'The chunk extensions are too large']
    default:
      return [400, 'bad_request', 'This is not a well-formed HTTP request']
  }
}
