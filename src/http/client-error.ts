import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Answers a client whose request could not be read as HTTP, or did not come in time, and ends
 * the connection: nothing that follows on it could be trusted.
 */
export function refuseClient(error: NodeJS.ErrnoException, socket: Socket): void {
  if (socket.writable) socket.write(responseTo(error.code))
  socket.destroy()
}

function responseTo(code: string | undefined): string {
  const [status, name, message] = startFailureOf(code)
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

function startFailureOf(code: string | undefined): [status: number, name: string, message: string] {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [408, 'request_timeout', 'The request did not come in time']
    case 'HPE_HEADER_OVERFLOW':
      return [431, 'headers_too_large', 'The headers are too large']
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return [413, 'too_large', 'The chunk extensions are too large']
    default:
      return [400, 'bad_request', 'This is not a well-formed HTTP request']
  }
}
