import type { Answer, Endpoint } from './endpoint.ts'

/** The health of a process and of its dependencies. */
export interface Health {
  /** A restart would not help: the process works, or waits for an outage to end. */
  readonly live: boolean
  /** The process does its work now. */
  readonly ready: boolean
  readonly parts: readonly HealthPart[]
}

export interface HealthPart {
  /** `kafka`, `redis`, … */
  readonly name: string
  readonly ok: boolean
  /** Since when it has not been ok: ISO 8601. */
  readonly since?: string
  /** What is wrong, for people. */
  readonly detail?: string
}

export interface Scrape {
  readonly contentType: string
  readonly body: string
}

/**
 * Creates the endpoints that every process of ours has for its operators:
 * - `/healthz`: 200 or 503. On 503, restart the process. During an outage it is 200.
 * - `/readyz`: 200 or 503. The parts that are not ok say since when and why.
 * - `/metrics`: for Prometheus.
 */
export function operationsEndpoints(
  health: () => Health,
  metrics: () => Promise<Scrape>,
): readonly Endpoint[] {
  return [
    {
      method: 'GET',
      path: '/healthz',
      about: 'Liveness: 503 if the process needs a restart',
      handle: () => answerOf(health(), 'live'),
    },
    {
      method: 'GET',
      path: '/readyz',
      about: 'Readiness: 503 if the process cannot do its work now, and why',
      handle: () => answerOf(health(), 'ready'),
    },
    {
      method: 'GET',
      path: '/metrics',
      about: 'Metrics for Prometheus',
      handle: async () => {
        const { contentType, body } = await metrics()
        return { status: 200, headers: { 'content-type': contentType }, body }
      },
    },
  ]
}

function answerOf(health: Health, question: 'live' | 'ready'): Answer {
  return {
    status: health[question] ? 200 : 503,
    body: { [question]: health[question], parts: health.parts },
  }
}
