import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:net'

export interface OldRedis {
  readonly url: string
  stop(): Promise<void>
}

/** Starts a server that answers INFO as a Redis of the given version, and OK to anything else. */
export async function startOldRedis(version: string): Promise<OldRedis> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => {}) // a client that disconnects is fine
    socket.on('data', (data) => {
      // a command in RESP: *COUNT, then $LENGTH and the text of each argument
      for (const command of String(data).split(/(?=^\*\d+\r\n)/m)) {
        const name = command.split('\r\n')[2]?.toLowerCase()
        if (name === 'info') socket.write(bulk(infoOf(version)))
        else if (name !== undefined) socket.write('+OK\r\n')
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

function infoOf(version: string): string {
  return `# Server\r\nredis_version:${version}\r\nloading:0\r\nmaxmemory_policy:noeviction\r\n`
}

function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`
}
