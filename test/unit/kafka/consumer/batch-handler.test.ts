import { expect, test } from 'vitest'
import { kafkajs } from '../../../../src/kafka/client/kafkajs.ts'
import { handleBatch } from '../../../../src/kafka/consumer/batch-handler.ts'
import { Abandoned, PartitionStopped } from '../../../../src/pipeline/errors.ts'
import { recordLog } from '../../../setup/logs.ts'
import { arrange, rebalanceError, record, unreadable } from './arranged-batch.ts'

test('a batch is resolved up to its last offset, control records included', async () => {
  const { payload, handler, batches } = arrange([record(5), record(6)], { lastOffset: '8' })
  await handleBatch(payload, handler)
  expect(batches).toMatchObject([{ topic: 't', partition: 2, nextOffset: 9n, highWatermark: 20n }])
  expect(payload.resolveOffset).toHaveBeenCalledExactlyOnceWith('8')
  expect(handler.partitions.list()).toEqual([{ partition: 2, position: 9n, lag: 11n }])
})

test('a commit names its offset, and carries our metadata', async () => {
  const { payload, handler } = arrange([record(5)], {
    handle: async (batch, context) => context.commit(batch.nextOffset),
  })
  await handleBatch(payload, handler)
  expect(payload.commitOffsetsIfNecessary).toHaveBeenCalledExactlyOnceWith({
    topics: [{ topic: 't', partitions: [{ partition: 2, offset: '6', metadata: 'group-traits' }] }],
  })
})

test('a commit carries the id of the topic that the partitions were assigned from', async () => {
  const { payload, handler } = arrange([record(5)], {
    handle: async (batch, context) => context.commit(batch.nextOffset),
  })
  handler.partitions.assign([2], 'abc')
  await handleBatch(payload, handler)
  const partitions = [{ partition: 2, offset: '6', metadata: 'group-traits abc' }]
  expect(payload.commitOffsetsIfNecessary).toHaveBeenCalledExactlyOnceWith({
    topics: [{ topic: 't', partitions }],
  })
})

test('the records before an unreadable batch are processed, then the partition stops', async () => {
  const { payload, handler, batches, log } = arrange([record(5), unreadable(6, 9), record(10)])
  await handleBatch(payload, handler)
  expect(batches).toMatchObject([{ records: [{ offset: '5' }], nextOffset: 6n }])
  expect(payload.pause).toHaveBeenCalledOnce()
  const [state] = handler.partitions.list()
  expect(state?.stopped).toMatchObject({ offset: 6n })
  const message =
    'the batch of offsets 6 to 9 of t/2 (123 bytes) cannot be read: because. The partition ' +
    'stops at offset 6. Raise kafka.maxBatchBytes. To continue without the batch, run ' +
    '`group-traits skip 2 6`'
  expect(state?.stopped?.message).toBe(message)
  expect(log.lines).toMatchObject([{ level: 'error', message }])
})

test('each step of a batch is logged at debug level, so that a batch that hangs is found', async () => {
  const log = recordLog('debug')
  const { payload, handler } = arrange([record(5), record(6)], {
    handle: (_, context) => context.waitForTurn(),
  })
  await handleBatch(payload, { ...handler, log })
  await handler.partitions.inFlight.settled()
  expect(log.lines.map(({ message }) => message)).toEqual([
    'a batch is in flight',
    'a batch has its turn',
    'a batch is durable',
  ])
  expect(log.lines[0]?.facts).toEqual({ topic: 't', partition: 2, from: '0', to: '6' })
})

test('a fetch that starts within an unreadable batch stops the partition at the offset fetched', async () => {
  const { payload, handler } = arrange([unreadable(0, 9)], { fetchedOffset: '4' })
  await handleBatch(payload, handler)
  expect(handler.partitions.list()[0]?.stopped?.offset).toBe(4n)
})

test('a stop is logged once, however often the partition is reassigned', async () => {
  const { payload, handler, log } = arrange([unreadable(0, 9)])
  await handleBatch(payload, handler)
  handler.partitions.assign([2])
  await handleBatch(payload, handler)
  expect(handler.partitions.list()[0]?.stopped).toBeDefined()
  expect(log.lines).toHaveLength(1)
})

test('a record that hits a bug stops its partition, and the bug is logged', async () => {
  const bug = new TypeError('oops')
  const { payload, handler, log } = arrange([record(5)], {
    handle: async () => {
      throw new PartitionStopped(5n, 'stopped at 5', { cause: bug })
    },
  })
  await handleBatch(payload, handler)
  expect(payload.pause).toHaveBeenCalledOnce()
  expect(payload.resolveOffset).not.toHaveBeenCalled()
  expect(log.lines).toMatchObject([
    { level: 'error', message: 'stopped at 5', facts: { err: bug } },
  ])
})

test('an abandoned batch is left unresolved', async () => {
  const { payload, handler, failures } = arrange([record(5)], {
    handle: async () => {
      throw new Abandoned('stop')
    },
  })
  await handleBatch(payload, handler)
  expect(payload.resolveOffset).not.toHaveBeenCalled()
  expect(failures).toEqual([])
})

test('the error of a rebalance is passed on unchanged, so that kafkajs rejoins', async () => {
  const rebalance = rebalanceError()
  const { payload, handler, failures } = arrange([record(5)], {
    handle: async () => {
      throw rebalance
    },
  })
  await expect(handleBatch(payload, handler)).rejects.toBe(rebalance)
  expect(failures).toEqual([])
})

test('any other error is a bug: reported with partition and offset, and never thrown to kafkajs', async () => {
  const { payload, handler, failures } = arrange([record(5)], {
    handle: async () => {
      throw new RangeError('oops')
    },
  })
  await handleBatch(payload, handler)
  expect(payload.pause).toHaveBeenCalledOnce()
  expect(failures).toMatchObject([
    { message: 'the batch of t/2 from offset 5 on hit a bug: oops', cause: { message: 'oops' } },
  ])
})

test('an error while the worker stops is not taken for a bug', async () => {
  const stopping = new AbortController()
  const { payload, handler, failures } = arrange([record(5)], {
    signal: stopping.signal,
    handle: async () => {
      stopping.abort()
      throw new TypeError('the connection is gone')
    },
  })
  await handleBatch(payload, handler)
  expect(failures).toEqual([])
  expect(payload.resolveOffset).not.toHaveBeenCalled()
})

test('once the worker stops, no batch is begun', async () => {
  const { payload, handler, batches } = arrange([record(5)], { signal: AbortSignal.abort() })
  await handleBatch(payload, handler)
  expect(batches).toEqual([])
})

test('after a rebalance, a batch in flight neither heartbeats nor commits', async () => {
  for (const touch of ['heartbeat', 'commit'] as const) {
    const { payload, handler } = arrange([record(5)], {
      handle: async (batch, context) => {
        handler.partitions.assign([2])
        await context[touch](batch.nextOffset)
      },
    })
    await handleBatch(payload, handler)
    expect(payload.heartbeat).not.toHaveBeenCalled()
    expect(payload.commitOffsetsIfNecessary).not.toHaveBeenCalled()
    expect(payload.resolveOffset).not.toHaveBeenCalled()
  }
})

test('a partition that was revoked before its batch is done causes no failure', async () => {
  const { payload, handler, failures } = arrange([record(5)])
  payload.resolveOffset.mockImplementation(() => {
    throw new TypeError('Cannot set properties of undefined')
  })
  await handleBatch(payload, handler)
  expect(failures).toEqual([])
})

test.each([
  ['any other error of kafkajs', new kafkajs.KafkaJSConnectionError('the connection was lost')],
  ['a request on a connection that is only being opened', new Error('Broker not connected')],
])('%s ends the session: kafkajs would read on without redelivering the batch', async (_, cut) => {
  const { payload, handler, failures } = arrange([record(5)], {
    handle: async (_batch, context) => {
      await context.waitForTurn()
      throw cut
    },
  })
  await expect(handleBatch(payload, handler)).resolves.toBeUndefined()
  await handler.partitions.inFlight.settled()
  expect(failures).toEqual([cut])
})
