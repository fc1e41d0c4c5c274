import type { Log } from '../pipeline/ports.ts'
import type { Config } from './config/config.ts'
import { serve } from './gateway.ts'
import { work } from './worker.ts'

/** The addresses of the services in this process. */
export interface ServiceUrls {
  /** The worker's /healthz, /readyz and /metrics. */
  readonly operations: string
  /** POST /group. */
  readonly gateway: string
}

/**
 * Runs a worker and a gateway in this process until the signal. If one of them fails, or
 * `onStarted` does, both end.
 *
 * @throws the error that ended them
 */
export async function runServices(
  config: Config,
  log: Log,
  signal: AbortSignal,
  onStarted: (urls: ServiceUrls) => Promise<void>,
): Promise<void> {
  const failing = new AbortController()
  const until = AbortSignal.any([signal, failing.signal])
  const operations = Promise.withResolvers<string>()
  const gateway = Promise.withResolvers<string>()
  const services = [
    work(config, log, until, operations.resolve),
    serve(config, log, until, gateway.resolve),
  ]
  const running = Promise.all(services)
  const started = Promise.all([operations.promise, gateway.promise]).then(
    ([operationsUrl, gatewayUrl]) => onStarted({ operations: operationsUrl, gateway: gatewayUrl }),
  )
  try {
    await Promise.race([running, started])
    await running
  } finally {
    failing.abort()
    await Promise.allSettled(services)
  }
}
