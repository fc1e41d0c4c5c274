import { describe, expect, test } from 'vitest'
import { until } from '../../../setup/waiting.ts'
import { amendedKafkajs } from './fresh-kafkajs.ts'

interface RequestQueue {
  readonly throttleCheckTimeoutId: unknown
  throttledUntil: number
  push(request: object): void
  fulfillRequest(response: object): void
}

describe('amendment: request queue', () => {
  test('a response schedules no check while no request is pending', () => {
    const queue = createQueue()
    queue.push(request(1))
    queue.fulfillRequest({ correlationId: 1, payload: Buffer.alloc(0), size: 0 })
    expect(queue.throttleCheckTimeoutId).toBeNull()
  })

  test('a request that must wait is sent as soon as it may', async () => {
    const queue = createQueue()
    queue.throttledUntil = Date.now() + 50
    const sent: number[] = []
    queue.push(request(1, sent))
    expect(sent).toEqual([])
    expect(queue.throttleCheckTimeoutId).not.toBeNull()
    await until('it is sent', () => sent.length === 1)
    expect(queue.throttleCheckTimeoutId).toBeNull()
  })
})

function createQueue(): RequestQueue {
  const { part, createClient } = amendedKafkajs()
  const Queue = part<new (options: object) => RequestQueue>('network/requestQueue')
  const logger = createClient().logger().namespace('RequestQueue')
  return new Queue({ clientId: 'test', broker: 'test:1', requestTimeout: 1000, logger })
}

function request(correlationId: number, sent: number[] = []): object {
  const entry = { correlationId, apiKey: 3, apiName: 'Metadata', apiVersion: 1, resolve: () => {} }
  return { entry, expectResponse: true, sendRequest: () => sent.push(correlationId) }
}
