import { onTestFinished } from 'vitest'
import type { Health } from '../../../src/http/health.ts'
import {
  createOperationsServer,
  type OperationsServerOptions,
} from '../../../src/http/operations.ts'
import { recordLog } from '../logs.ts'

export const HEALTHY: Health = {
  live: true,
  ready: true,
  parts: [
    { name: 'kafka', ok: true },
    { name: 'redis', ok: true },
  ],
}

/** Starts an operations server, healthy unless `options` say otherwise. It closes with its test. */
export async function start(options: Partial<OperationsServerOptions> = {}) {
  const log = recordLog('debug')
  const server = createOperationsServer({
    host: '127.0.0.1',
    port: 0,
    log,
    health: () => HEALTHY,
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'up 1\n' }),
    ...options,
  })
  onTestFinished(() => server.close())
  const { url } = await server.listen()
  return { url, server, log }
}
