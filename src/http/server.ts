/**
 * An HTTP server for a few endpoints. It has limits against slow clients, large bodies and broken
 * requests, and its shutdown does not wait for idle connections.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import type { Log } from '../pipeline/ports.ts'
import { answerClientError } from './client-error.ts'
import { type Answer, type Endpoint, failure } from './endpoint.ts'
import { type ListenOptions, listenOn } from './listen.ts'

export interface HttpServerOptions extends ListenOptions {
  readonly log: Log
  /** How long a client may take to send a request, headers and body. */
  readonly requestTimeoutMs: number
  /** Called after every answer. */
  readonly onAnswer?: (answered: Answered) => void
}

export interface Answered {
  readonly method: string
  readonly path: string
  readonly status: number
  readonly durationMs: number
}

export interface HttpServer {
  /** @throws CannotListen if the port is in use or not permitted; it says what to change */
  listen(): Promise<{ readonly url: string }>
  /** Accepts no more requests, answers those in flight, then closes every connection. */
  close(): Promise<void>
}

export function createHttpServer(
  options: HttpServerOptions,
  endpoints: readonly Endpoint[],
): HttpServer {
  const inFlight = new Set<Promise<Answer>>()
  let isClosing = false

  const app = createApp(options, endpoints)
  app.addHook('onSend', async (_request, reply) => {
    if (isClosing) reply.header('connection', 'close')
  })
  for (const endpoint of endpoints) addRoute(app, endpoint, options.log, inFlight)

  return {
    listen: () => listenOn(app, options),
    async close() {
      isClosing = true
      const closed = app.close()
      await Promise.race([closed, delay(RECEIVE_GRACE_MS, undefined, { ref: false })])
      while (inFlight.size > 0) await Promise.allSettled(inFlight)
      await Promise.race([closed, delay(SEND_GRACE_MS, undefined, { ref: false })])
      app.server.closeAllConnections()
      await closed
    },
  }
}

/** How long `close` waits for bodies that are being received. */
const RECEIVE_GRACE_MS = 500
/** How long `close` then waits for the last answers to be sent. */
const SEND_GRACE_MS = 100

/** Creates the server without its endpoints: limits, error answers and the request log. */
function createApp(
  { log, requestTimeoutMs, onAnswer }: HttpServerOptions,
  endpoints: readonly Endpoint[],
): FastifyInstance {
  const app = fastify({
    logger: false,
    return503OnClosing: false,
    keepAliveTimeout: 5000,
    requestTimeout: requestTimeoutMs,
    http: {
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, requestTimeoutMs / 2),
    },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, _request, reply) => {
      send(reply, failure(error.statusCode ?? 400, 'bad_request', error.message))
    },
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.setErrorHandler((error, request, reply) => send(reply, answerToError(error, request, log)))
  app.addHook('onRequest', async (request, reply) => {
    // Answered here, so that no body is read for an unknown path.
    if (request.is404) return send(reply, answerNotFound(request, endpoints))
  })
  app.addHook('onResponse', async (request, reply) => {
    const answered = {
      method: request.method,
      path: pathOf(request),
      status: reply.statusCode,
      durationMs: reply.elapsedTime,
    }
    log.debug(answered, 'answered a request')
    onAnswer?.(answered)
  })
  return app
}

function addRoute(
  app: FastifyInstance,
  endpoint: Endpoint,
  log: Log,
  inFlight: Set<Promise<Answer>>,
): void {
  const { method, path: url, body: rules } = endpoint
  app.route({
    method,
    url,
    ...(rules && {
      bodyLimit: rules.maxBytes,
      onRequest: async (request, reply) => {
        const rejection = rules.reject(request.headers)
        if (rejection !== undefined) return send(reply.header('connection', 'close'), rejection)
      },
      errorHandler: (error, request, reply) => {
        const isTooLarge = error.code === 'FST_ERR_CTP_BODY_TOO_LARGE'
        send(reply, isTooLarge ? rules.tooLarge : answerToError(error, request, log))
      },
    }),
    handler: async (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
      const answer = Promise.resolve(endpoint.handle({ headers: request.headers, body }))
      inFlight.add(answer)
      try {
        return send(reply, await answer)
      } finally {
        inFlight.delete(answer)
      }
    },
  })
}

/** Answers a request that no endpoint handles: 405 if only the method is wrong, else 404. */
function answerNotFound(request: FastifyRequest, endpoints: readonly Endpoint[]): Answer {
  const path = pathOf(request)
  const allowed = endpoints
    .filter((endpoint) => endpoint.path === path)
    .map(({ method }) => (method === 'GET' ? 'GET, HEAD' : method))
    .join(', ')
  if (allowed !== '') {
    return failure(405, 'method_not_allowed', `${path} accepts only ${allowed}`, { allow: allowed })
  }
  return {
    status: 404,
    body: {
      error: 'not_found',
      message: 'There is no endpoint at this path',
      endpoints: Object.fromEntries(
        endpoints.map(({ method, path, about }) => [`${method} ${path}`, about]),
      ),
    },
  }
}

function answerToError(error: unknown, request: FastifyRequest, log: Log): Answer {
  const { statusCode } = error as { statusCode?: number }
  if (error instanceof Error && statusCode !== undefined && statusCode < 500) {
    return failure(statusCode, 'bad_request', error.message)
  }
  log.error(
    { err: error, method: request.method, path: pathOf(request) },
    'a request failed because of a bug',
  )
  return failure(500, 'internal', 'This is an error in the server, not in the request')
}

function send(reply: FastifyReply, { status, headers, body }: Answer): FastifyReply {
  return reply
    .code(status)
    .headers({ 'cache-control': 'no-store', ...headers })
    .send(body)
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? ''
}
