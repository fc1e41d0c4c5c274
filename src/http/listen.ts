import type { FastifyInstance } from 'fastify'

/** The server cannot listen on its port. The message says which port, and what to change. */
export class CannotListen extends Error {
  override readonly name = 'CannotListen'
}

export interface ListenOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** The prefix of the variables that set host and port: `HTTP` for `HTTP_PORT`. */
  readonly variables: 'HTTP' | 'GATEWAY'
}

/** @throws CannotListen */
export async function listenOn(
  app: FastifyInstance,
  options: ListenOptions,
): Promise<{ readonly url: string }> {
  const { host, port } = options
  try {
    await app.listen({ host, port })
  } catch (error) {
    throw cannotListen(error, options)
  }
  const address = app.server.address()
  const actualPort = typeof address === 'object' && address !== null ? address.port : port
  return { url: `http://${reachableHost(host)}:${actualPort}` }
}

function cannotListen(error: unknown, { host, port, variables }: ListenOptions): unknown {
  const { code } = error as NodeJS.ErrnoException
  switch (code) {
    case 'EADDRINUSE':
      return new CannotListen(
        `port ${port} on ${host} is in use by another program: set ${variables}_PORT to a free port, or to 0 for any free port`,
        { cause: error },
      )
    case 'EACCES':
      return new CannotListen(
        `no permission to listen on port ${port} of ${host}: set ${variables}_PORT to 1024 or above`,
        { cause: error },
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new CannotListen(
        `${host} is not an address of this machine: set ${variables}_HOST to one that is, such as 127.0.0.1, or to 0.0.0.0 for all`,
        { cause: error },
      )
    default:
      return error
  }
}

/** Returns the host at which the server is reachable from this machine. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
