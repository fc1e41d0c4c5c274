/**
 * An HTTP server for a few endpoints, with limits against clients that are slow, large or
 * broken, and an end that does not wait for those who only keep a connection open.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import type { Log } from '../pipeline/ports.ts'
import { refuseClient } from './client-error.ts'
import { type Answer, type Endpoint, failure } from './endpoint.ts'
import { type ListenOptions, listenOn } from './listen.ts'

export interface HttpServerOptions extends ListenOptions {
  readonly log: Log
  /** How long a client may take to send a request, headers and body. */
  readonly requestTimeoutMs: number
  /** Told of every answer. */
  readonly onAnswer?: (answered: Answered) => void
}

export interface Answered {
  readonly method: string
  readonly path: string
  readonly status: number
  readonly durationMs: number
}

export interface HttpServer {
  /** @throws CannotListen with what to change, where the port is taken or not ours to have */
  listen(): Promise<{ readonly url: string }>
  /** Takes no more requests, answers those that are there, then ends every connection. */
  close(): Promise<void>
}

export function createHttpServer(
  options: HttpServerOptions,
  endpoints: readonly Endpoint[],
): HttpServer {
  const { log, requestTimeoutMs, onAnswer } = options
  const running = new Set<Promise<Answer>>()
  let isClosing = false

  const app = fastify({
    logger: false,
    return503OnClosing: false,
    keepAliveTimeout: 5000,
    requestTimeout: requestTimeoutMs,
    http: {
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, requestTimeoutMs / 2),
    },
    clientErrorHandler: refuseClient,
    frameworkErrors: (error, _request, reply) => {
      send(reply, failure(error.statusCode ?? 400, 'bad_request', error.message))
    },
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  app.setErrorHandler((error, request, reply) => send(reply, answerToError(error, request, log)))
  app.addHook('onRequest', async (request, reply) => {
    // before a body is read that nobody wants
    if (request.is404) return send(reply, answerToStray(request, endpoints))
  })
  app.addHook('onSend', async (_request, reply) => {
    if (isClosing) reply.header('connection', 'close')
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
  for (const endpoint of endpoints) addRoute(app, endpoint, log, running)

  return {
    listen: () => listenOn(app, options),
    async close() {
      isClosing = true
      const closed = app.close()
      await Promise.race([closed, delay(RECEIVE_GRACE_MS, undefined, { ref: false })])
      while (running.size > 0) await Promise.allSettled(running)
      await Promise.race([closed, delay(SEND_GRACE_MS, undefined, { ref: false })])
      app.server.closeAllConnections()
      await closed
    },
  }
}

/** For bodies that are on their way when the server is to end. */
const RECEIVE_GRACE_MS = 500
/** For the last answers to leave. */
const SEND_GRACE_MS = 100

function addRoute(
  app: FastifyInstance,
  endpoint: Endpoint,
  log: Log,
  running: Set<Promise<Answer>>,
): void {
  const { method, path: url, body: rules } = endpoint
  app.route({
    method,
    url,
    ...(rules && {
      bodyLimit: rules.maxBytes,
      onRequest: async (request, reply) => {
        const refusal = rules.refuse(request.headers)
        if (refusal !== undefined) return send(reply.header('connection', 'close'), refusal)
      },
      errorHandler: (error, request, reply) => {
        const isTooLarge = error.code === 'FST_ERR_CTP_BODY_TOO_LARGE'
        send(reply, isTooLarge ? rules.tooLarge : answerToError(error, request, log))
      },
    }),
    handler: async (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
      const answer = Promise.resolve(endpoint.handle({ headers: request.headers, body }))
      running.add(answer)
      try {
        return send(reply, await answer)
      } finally {
        running.delete(answer)
      }
    },
  })
}

/** To a request for what is not there: 405 where only the method is wrong, else 404. */
function answerToStray(request: FastifyRequest, endpoints: readonly Endpoint[]): Answer {
  const path = pathOf(request)
  const allowed = endpoints
    .filter((endpoint) => endpoint.path === path)
    .map(({ method }) => (method === 'GET' ? 'GET, HEAD' : method))
    .join(', ')
  if (allowed !== '') {
    return failure(405, 'method_not_allowed', `${path} takes ${allowed} only`, { allow: allowed })
  }
  return {
    status: 404,
    body: {
      error: 'not_found',
      message: 'There is nothing at this path',
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
  log.error({ err: error, method: request.method, path: pathOf(request) }, 'a request hit a bug')
  return failure(500, 'internal', 'This is a fault of the server, not of the request')
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
