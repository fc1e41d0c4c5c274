import { type AddressInfo, connect, createServer, type Server } from 'node:net'

const host = '127.0.0.1'

/**
 * Free ports on 127.0.0.1, all different: each the wanted one unless that is taken; 0 wants any.
 * Another program may take one before it is used: be ready to ask again.
 */
export async function findFreePorts(wanted: readonly number[]): Promise<number[]> {
  const servers: Server[] = []
  try {
    for (const port of wanted) servers.push(await hold(port))
    return servers.map((server) => (server.address() as AddressInfo).port)
  } finally {
    for (const server of servers) server.close()
  }
}

async function hold(wanted: number): Promise<Server> {
  if (wanted !== 0 && !(await answers(wanted))) {
    try {
      return await listen(wanted)
    } catch {
      // taken without answering: any other will do
    }
  }
  return listen(0)
}

/** Some systems let one listen on 127.0.0.1 beside a server that listens everywhere. */
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
