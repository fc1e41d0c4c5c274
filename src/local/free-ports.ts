import { type AddressInfo, connect, createServer, type Server } from 'node:net'

const host = '127.0.0.1'

/**
 * Returns as many free ports on 127.0.0.1, all different: each preferred port if it is free, else
 * any other. 0 means any port. Another program may take a port before it is used, so be ready to
 * call this again.
 */
export async function findFreePorts(preferred: readonly number[]): Promise<number[]> {
  const servers: Server[] = []
  try {
    for (const port of preferred) servers.push(await hold(port))
    return servers.map((server) => (server.address() as AddressInfo).port)
  } finally {
    for (const server of servers) server.close()
  }
}

/** Listens on a port, so that the next call gets another one. */
async function hold(preferred: number): Promise<Server> {
  if (preferred !== 0 && !(await answers(preferred))) {
    try {
      return await listen(preferred)
    } catch {
      // the port is taken by a program that does not answer: use another one
    }
  }
  return listen(0)
}

/**
 * Whether a server answers on the port. Listening alone does not find out: some systems allow a
 * second server on 127.0.0.1 beside one that listens on all addresses.
 */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host, timeout: 500 })
    const settle = (answered: boolean) => {
      socket.destroy()
      resolve(answered)
    }
    socket.once('connect', () => settle(true))
    socket.once('timeout', () => settle(false))
    socket.once('error', () => settle(false))
  })
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', reject)
    server.listen(port, host, () => resolve(server))
  })
}
