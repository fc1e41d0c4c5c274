/**
 * Amendment: broker pool.
 *
 * Wrong in kafkajs: a request that any broker can answer is tried on one after the other, and
 * their errors are dropped. Without the right to the group, its coordinator is then "not found",
 * just as in an outage (tulios/kafkajs#1654).
 * Changed: if every broker fails, the error of the last one is thrown.
 * Can go when: `withBroker` reports the errors of the brokers.
 */
import { type Load, loadPrototype } from './kafkajs-parts.ts'

export function amendBrokerPool(load: Load): void {
  const pool = loadPrototype<BrokerPool>(load, 'cluster/brokerPool', { withBroker: 1 })
  const { withBroker } = pool
  pool.withBroker = async function (ask) {
    let lastError: unknown
    const answer = await withBroker.call(this, async (choice) => {
      try {
        return await ask(choice)
      } catch (error) {
        lastError = error
        throw error
      }
    })
    if (answer === null && lastError !== undefined) throw lastError
    return answer
  }
}

interface BrokerPool {
  /** Resolves to null if the callback fails for every broker. */
  withBroker(this: BrokerPool, ask: (choice: unknown) => Promise<unknown>): Promise<unknown>
}
