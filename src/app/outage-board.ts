import type { HealthPart } from '../http/health.ts'
import type { Dependency } from '../pipeline/errors.ts'
import type { Log } from '../pipeline/ports.ts'

/** Where an outage was noticed. Several sources can report the same dependency at once. */
export type OutageSource = 'start' | 'connection' | 'batch'

/**
 * Tracks which dependencies are away. It logs when an outage begins and when it ends, however many
 * attempts fail in between. An outage ends once every source that reported it has reported its end.
 */
export class OutageBoard {
  private readonly dependencies: readonly Dependency[]
  private readonly log: Log
  private readonly now: () => number
  private readonly onChange: (dependency: Dependency, isUp: boolean) => void
  private readonly outages = new Map<
    Dependency,
    { sinceMs: number; details: Map<OutageSource, string> }
  >()

  /** @param onChange called at each change, and once for each dependency at start */
  constructor(
    dependencies: readonly Dependency[],
    log: Log,
    now: () => number,
    onChange: (dependency: Dependency, isUp: boolean) => void,
  ) {
    this.dependencies = dependencies
    this.log = log
    this.now = now
    this.onChange = onChange
    for (const dependency of dependencies) onChange(dependency, true)
  }

  away(dependency: Dependency, source: OutageSource, detail: string): void {
    const outage = this.outages.get(dependency)
    if (outage !== undefined) {
      outage.details.set(source, detail)
      return
    }
    this.outages.set(dependency, { sinceMs: this.now(), details: new Map([[source, detail]]) })
    this.log.warn({ dependency, detail }, `${NAMES[dependency]} is away: waiting for it`)
    this.onChange(dependency, false)
  }

  back(dependency: Dependency, source: OutageSource): void {
    const outage = this.outages.get(dependency)
    if (outage === undefined || !outage.details.delete(source) || outage.details.size > 0) return
    this.outages.delete(dependency)
    const seconds = Math.round((this.now() - outage.sinceMs) / 100) / 10
    this.log.info({ dependency, seconds }, `${NAMES[dependency]} is back after ${seconds} s`)
    this.onChange(dependency, true)
  }

  isAway(dependency: Dependency): boolean {
    return this.outages.has(dependency)
  }

  states(): HealthPart[] {
    return this.dependencies.map((name) => {
      const outage = this.outages.get(name)
      if (outage === undefined) return { name, ok: true }
      const since = new Date(outage.sinceMs).toISOString()
      return { name, ok: false, since, detail: [...new Set(outage.details.values())].join('; ') }
    })
  }
}

const NAMES: Record<Dependency, string> = { kafka: 'Kafka', redis: 'Redis' }
