import type { Dependency } from '../pipeline/errors.ts'
import type { RetryRules } from '../pipeline/retry.ts'
import type { OutageBoard } from './outage-board.ts'

/**
 * Tracks which dependencies the batches in flight wait for.
 *
 * A batch that is abandoned during an outage (its partition was reassigned) never reports the end
 * of the outage. So the next batch that succeeds, or the next check of the checkpoints, clears the
 * outage from the board, unless another batch still waits.
 */
export class BatchWaits {
  private readonly rules: RetryRules
  private readonly outages: OutageBoard
  /** For each batch in flight, the dependencies that it waits for. */
  private readonly inFlight = new Set<ReadonlySet<Dependency>>()

  constructor(rules: RetryRules, outages: OutageBoard) {
    this.rules = rules
    this.outages = outages
  }

  /** Runs `work`, which processes one batch and retries by the rules that it receives. */
  async during<Result>(work: (rules: RetryRules) => Promise<Result>): Promise<Result> {
    const { rules } = this
    const waitsFor = new Set<Dependency>()
    this.inFlight.add(waitsFor)
    try {
      const result = await work({
        ...rules,
        onUnavailable: (error) => {
          waitsFor.add(error.dependency)
          rules.onUnavailable(error)
        },
        onAvailable: (error) => {
          waitsFor.delete(error.dependency)
          rules.onAvailable(error)
        },
      })
      this.clearBoard()
      return result
    } finally {
      this.inFlight.delete(waitsFor)
    }
  }

  /** Clears each dependency that no batch waits for. Call it after Kafka and Redis answered. */
  clearBoard(): void {
    for (const dependency of ['kafka', 'redis'] as const) {
      const isWaitedFor = [...this.inFlight].some((waitsFor) => waitsFor.has(dependency))
      if (!isWaitedFor) this.outages.back(dependency, 'batch')
    }
  }
}
