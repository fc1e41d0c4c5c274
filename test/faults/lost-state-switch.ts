/** A TCP address whose server can be exchanged. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Switch {
  readonly port: number
  /** Closes all connections; new ones go to this local port. */
  switchTo(port: number): void
}

/** Opens an address that leads to the given local port; closes with its test. */
export async function openSwitch(target: number): Promise<Switch> {
  let current = target
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(current, '127.0.0.1')
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const dropAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  onTestFinished(() => {
    server.close()
    dropAll()
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    switchTo(port) {
      current = port
      dropAll()
    },
  }
}
