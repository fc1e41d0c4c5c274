import { describe, expect, test } from 'vitest'
import { clusterOf } from '../../../../src/kafka/client/kafkajs.ts'
import { amendedKafkajs } from './fresh-kafkajs.ts'

interface BrokerPool {
  brokers: Record<string, object>
  findBroker(node: { nodeId: string }): Promise<object>
  withBroker(ask: (choice: { nodeId: string }) => Promise<unknown>): Promise<unknown>
}

describe('amendment: broker pool', () => {
  test('where all brokers fail, the error of the last one is thrown', async () => {
    const errors: Error[] = []
    const asking = createPool().withBroker(async ({ nodeId }) => {
      const error = new Error(`not authorized, says broker ${nodeId}`)
      errors.push(error)
      throw error
    })
    await expect(asking).rejects.toThrow('not authorized')
    expect(errors).toHaveLength(2)
    await expect(asking).rejects.toBe(errors[1])
  })

  test('where one of them answers, the errors of the others do not count', async () => {
    const asked: string[] = []
    const answer = createPool().withBroker(async ({ nodeId }) => {
      asked.push(nodeId)
      if (asked.length === 1) throw new Error('away')
      return 'answer'
    })
    expect(await answer).toBe('answer')
    expect(asked.toSorted()).toEqual(['1', '2'])
  })
})

/** A pool of two brokers, each of them connected. */
function createPool(): BrokerPool {
  const cluster: object = clusterOf(amendedKafkajs().createClient())
  const { brokerPool } = cluster as { brokerPool: BrokerPool }
  brokerPool.brokers = { 1: {}, 2: {} }
  brokerPool.findBroker = async ({ nodeId }) => brokerPool.brokers[nodeId] ?? {}
  return brokerPool
}
