import { expect, test, vi } from 'vitest'
import { hooksOf, type OfClient } from '../../../../src/kafka/amendments/client-hooks.ts'
import { createClient } from '../../../../src/kafka/client/client.ts'
import { clusterOf } from '../../../../src/kafka/client/kafkajs.ts'
import type { KafkaSettings } from '../../../../src/kafka/client/settings.ts'
import { recordLog, silentLog } from '../../../setup/logs.ts'

const SETTINGS: KafkaSettings = {
  brokers: ['127.0.0.1:1'],
  clientId: 'test',
  topic: 'groups',
  groupId: 'group',
  deadLetterTopic: 'dead-letters',
  tls: false,
  sasl: null,
  connectTimeoutMs: 100,
  requestTimeoutMs: 100,
  sessionTimeoutMs: 1000,
  maxWaitMs: 100,
  maxFetchBytes: 1000,
  maxPartitionFetchBytes: 1000,
  maxBatchBytes: 12_345,
  concurrentPartitions: 1,
}

test('the clusters of a client carry its limits and listeners, and not those of another', () => {
  const onTopicId = vi.fn()
  const client = createClient(SETTINGS, silentLog, { onTopicId })
  const other = createClient({ ...SETTINGS, maxBatchBytes: 54_321 }, silentLog)
  const hooksOfCluster = (of: typeof client) => {
    const cluster: unknown = clusterOf(of)
    return hooksOf(cluster as OfClient)
  }
  expect(hooksOfCluster(client)).toMatchObject({
    onTopicId,
    fetchLimits: { maxBatchBytes: 12_345 },
  })
  expect(hooksOfCluster(other)).toMatchObject({ fetchLimits: { maxBatchBytes: 54_321 } })
  expect(hooksOfCluster(other)).not.toHaveProperty('onTopicId')
})

test('what kafkajs logs is logged at debug, with the text of the error only', () => {
  const log = recordLog('debug')
  const logger = createClient(SETTINGS, log).logger().namespace('Connection')
  logger.error('Connection error', { error: new Error('refused'), broker: 'b:1', stack: 'at …' })
  const facts = { namespace: 'Connection', label: 'ERROR', broker: 'b:1', error: 'refused' }
  expect(log.lines).toEqual([{ level: 'debug', facts, message: 'kafkajs: Connection error' }])
})
