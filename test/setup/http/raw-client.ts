import { connect, type Socket } from 'node:net'

export interface RawClient {
  readonly socket: Socket
  /** All that came back, once the server has ended the connection. */
  readonly answer: Promise<string>
}

/** Opens a connection and sends `text` as it is, well-formed or not. */
export function sendRaw(url: string, text: string): RawClient {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname, () => socket.write(text))
  const answer = new Promise<string>((resolve) => {
    let received = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      received += chunk
    })
    // a reset ends the connection as well: what came before it is the answer
    socket.on('error', () => {})
    socket.on('close', () => resolve(received))
  })
  return { socket, answer }
}
