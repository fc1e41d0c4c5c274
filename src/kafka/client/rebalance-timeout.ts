import type { KafkaSettings } from './settings.ts'

/**
 * Returns how long a rebalance waits for a member that works on a batch, in milliseconds; then the
 * group goes on without that member.
 */
export function rebalanceTimeoutMs({ sessionTimeoutMs }: KafkaSettings): number {
  return Math.max(sessionTimeoutMs, 60_000)
}
