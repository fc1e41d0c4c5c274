import type { Answer, Endpoint } from './endpoint.ts'

/** How a process and what it depends on are doing. */
export interface Health {
  /** The process works as it should, be it by waiting for an outage to end. */
  readonly live: boolean
  /** It does its work now. */
  readonly ready: boolean
  readonly parts: readonly HealthPart[]
}

export interface HealthPart {
  /** `kafka`, `redis`, … */
  readonly name: string
  readonly ok: boolean
  /** Since when it is not: ISO 8601. */
  readonly since?: string
  /** For people: what is the matter. */
  readonly detail?: string
}

export interface Scrape {
  readonly contentType: string
  readonly body: string
}

/**
 * What every process of ours offers to whoever operates it:
 * - `/healthz`: 200 or 503; restart the process where it is 503. 200 during an outage.
 * - `/readyz`: 200 or 503; the parts that are not ok say since when and why.
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
      about: 'Whether the process works as it should: 503 asks for a restart',
      handle: () => answerOf(health(), 'live'),
    },
    {
      method: 'GET',
      path: '/readyz',
      about: 'Whether it does its work now, and if not, what it waits for',
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
