import type { Dependency } from '../pipeline/errors.ts'
import type { RetryRules } from '../pipeline/retry.ts'
import type { OutageBoard } from './outage-board.ts'

/**
 * Knows what the batches in hand wait for. One that is given up in the middle of an outage, as
 * its partition went elsewhere, does not see the end of it: the next one that succeeds, or the
 * next look at the checkpoints, takes the outage from the board, unless another still waits.
 */
export class BatchWaits {
  private readonly rules: RetryRules
  private readonly outages: OutageBoard
  private readonly inFlight = new Set<ReadonlySet<Dependency>>()

  constructor(rules: RetryRules, outages: OutageBoard) {
    this.rules = rules
    this.outages = outages
  }

  /** @param work on one batch, after the rules that it is given */
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

  /** Redis or Kafka answered: what nobody waits for any more is not away. */
  clearBoard(): void {
    for (const dependency of ['kafka', 'redis'] as const) {
      const isWaitedFor = [...this.inFlight].some((waitsFor) => waitsFor.has(dependency))
      if (!isWaitedFor) this.outages.back(dependency, 'batch')
    }
  }
}
