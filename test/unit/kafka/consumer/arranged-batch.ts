/** A batch, and the handler that it is given to, with what came of it. */
import { vi } from 'vitest'
import { type EachBatchPayload, kafkajs } from '../../../../src/kafka/client/kafkajs.ts'
import type { BatchHandler } from '../../../../src/kafka/consumer/batch-handler.ts'
import { BatchesInFlight } from '../../../../src/kafka/consumer/batches-in-flight.ts'
import { PartitionStates } from '../../../../src/kafka/consumer/partition-states.ts'
import type { FetchedRecord } from '../../../../src/kafka/wire/record-batch.ts'
import type { RecordBatch } from '../../../../src/pipeline/ports.ts'
import { recordLog } from '../../../setup/logs.ts'

export function rebalanceError(): Error {
  const error = new kafkajs.KafkaJSError('The group is rebalancing')
  return Object.assign(error, { type: 'REBALANCE_IN_PROGRESS' })
}

export interface Arrangement {
  readonly lastOffset?: string
  readonly fetchedOffset?: string
  readonly signal?: AbortSignal
  readonly handle?: BatchHandler['handle']
}

export function arrange(messages: FetchedRecord[], given: Arrangement = {}) {
  const batches: RecordBatch[] = []
  const failures: unknown[] = []
  const log = recordLog()
  const partitions = new PartitionStates(new BatchesInFlight(2))
  partitions.assign([2])
  const payload = {
    batch: {
      topic: 't',
      partition: 2,
      highWatermark: '20',
      messages,
      fetchedOffset: given.fetchedOffset ?? '0',
      firstOffset: () => messages[0]?.offset ?? null,
      lastOffset: () => given.lastOffset ?? messages.at(-1)?.offset ?? '0',
    },
    pause: vi.fn(),
    heartbeat: vi.fn(async () => {}),
    resolveOffset: vi.fn(),
    commitOffsetsIfNecessary: vi.fn(async () => {}),
  }
  const handler: BatchHandler = {
    handle: async (batch, context) => {
      batches.push(batch)
      await given.handle?.(batch, context)
    },
    partitions,
    log,
    signal: given.signal ?? new AbortController().signal,
    onFailed: (error) => failures.push(error),
  }
  return {
    payload: payload as typeof payload & EachBatchPayload,
    handler,
    batches,
    failures,
    log,
  }
}

export function record(offset: number): FetchedRecord {
  return {
    offset: String(offset),
    timestamp: '1700000000000',
    key: null,
    value: Buffer.from('v'),
    isControlRecord: false,
  }
}

export function unreadable(first: number, last: number): FetchedRecord {
  const undecodable = {
    firstOffset: BigInt(first),
    lastOffset: BigInt(last),
    bytes: 123,
    reason: 'because',
    remedy: 'Raise kafka.maxBatchBytes',
  }
  return { ...record(last), value: null, undecodable }
}
