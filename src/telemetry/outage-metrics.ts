import { Gauge, type Registry } from 'prom-client'
import type { Dependency } from '../pipeline/errors.ts'

/** Whether Kafka and Redis are there, and for how long one has been away. */
export function trackOutages(
  now: () => number,
  registry: Registry,
): { setUp(dependency: Dependency, isUp: boolean): void } {
  const awaySinceMs = new Map<Dependency, number>()
  const up = new Gauge({
    name: 'group_traits_dependency_up',
    help: 'Whether the worker reaches Kafka and Redis: 1 yes, 0 no. During an outage it waits and goes on by itself.',
    labelNames: ['dependency'] as const,
    registers: [registry],
  })
  new Gauge({
    name: 'group_traits_outage_seconds',
    help: 'How long the present outage has lasted; 0 while there is none.',
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
