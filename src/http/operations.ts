import type { Log } from '../pipeline/ports.ts'
import { type Health, operationsEndpoints, type Scrape } from './health.ts'
import { createHttpServer, type HttpServer } from './server.ts'

export interface OperationsServerOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly log: Log
  readonly health: () => Health
  readonly metrics: () => Promise<Scrape>
  /** How long a client may take to send a request. */
  readonly requestTimeoutMs?: number
}

/** Creates the server for a worker's `/healthz`, `/readyz` and `/metrics`. */
export function createOperationsServer({
  health,
  metrics,
  requestTimeoutMs = 5000,
  ...options
}: OperationsServerOptions): HttpServer {
  return createHttpServer(
    { ...options, variables: 'HTTP', requestTimeoutMs },
    operationsEndpoints(health, metrics),
  )
}
