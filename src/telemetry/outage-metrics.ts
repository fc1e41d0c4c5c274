import { Gauge, type Registry } from 'prom-client'
import type { Dependency } from '../pipeline/errors.ts'

/** Creates the metrics of outages: whether Kafka and Redis are up, and how long each has been away. */
export function trackOutages(
  now: () => number,
  registry: Registry,
): { setUp(dependency: Dependency, isUp: boolean): void } {
  const awaySinceMs = new Map<Dependency, number>()
  const up = new Gauge({
    name: 'group_traits_dependency_up',
    help: 'Whether Kafka and Redis are reachable: 1 yes, 0 no. During an outage the process retries, and it continues by itself afterwards.',
    labelNames: ['dependency'] as const,
    registers: [registry],
  })
  new Gauge({
    name: 'group_traits_outage_seconds',
    help: 'Duration of the current outage; 0 if there is none.',
    labelNames: ['dependency'] as const,
    registers: [registry],
    collect() {
      for (const dependency of ['kafka', 'redis'] as const) {
        const sinceMs = awaySinceMs.get(dependency)
        this.set({ dependency }, sinceMs === undefined ? 0 : (now() - sinceMs) / 1000)
      }
    },
  })

  return {
    setUp(dependency, isUp) {
      up.set({ dependency }, isUp ? 1 : 0)
      if (isUp) awaySinceMs.delete(dependency)
      else if (!awaySinceMs.has(dependency)) awaySinceMs.set(dependency, now())
    },
  }
}
