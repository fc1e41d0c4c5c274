import type { FastifyInstance } from 'fastify'

/** The server cannot have its port. The message says which, and what to change. */
export class CannotListen extends Error {
  override readonly name = 'CannotListen'
}

export async function listenOn(
  app: FastifyInstance,
  host: string,
  port: number,
): Promise<{ readonly url: string }> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    throw cannotListen(error, host, port)
  }
  const address = app.server.address()
  const actualPort = typeof address === 'object' && address !== null ? address.port : port
  return { url: `http://${reachableHost(host)}:${actualPort}` }
}

function cannotListen(error: unknown, host: string, port: number): unknown {
  const { code } = error as NodeJS.ErrnoException
  switch (code) {
    case 'EADDRINUSE':
      return new CannotListen(
        `port ${port} on ${host} is taken by another program; set HTTP_PORT to a free port, or to 0 for any that is free`,
        { cause: error },
      )
    case 'EACCES':
      return new CannotListen(
        `no permission to listen on port ${port} of ${host}; set HTTP_PORT to 1024 or above`,
        { cause: error },
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new CannotListen(
        `${host} is no address of this machine; set HTTP_HOST to one, such as 127.0.0.1, or to 0.0.0.0 for all`,
        { cause: error },
      )
    default:
      return error
  }
}

/** An address to reach the server at from this machine. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
