import { connect, type Socket } from 'node:net'

export interface RawClient {
  readonly socket: Socket
  /** Everything that was received until the server closed the connection. */
  readonly answer: Promise<string>
}

/** Opens a connection and sends `text` unchanged, valid HTTP or not. */
export function sendRaw(url: string, text: string): RawClient {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname, () => socket.write(text))
  const answer = new Promise<string>((resolve) => {
    let received = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      received += chunk
    })
    // A reset closes the connection, too. The answer is what came before it.
    socket.on('error', () => {})
    socket.on('close', () => resolve(received))
  })
  return { socket, answer }
}
