import { expect, test } from 'vitest'
import { kafkajs } from '../../../../src/kafka/client/kafkajs.ts'
import { handleBatch } from '../../../../src/kafka/consumer/batch-handler.ts'
import { PartitionStopped } from '../../../../src/pipeline/errors.ts'
import { arrange, rebalanceError, record, unreadable } from './arranged-batch.ts'

test('kafkajs may fetch the records after a batch once it is decoded; the position moves once it is durable', async () => {
  const { promise: durable, resolve: becomeDurable } = Promise.withResolvers<void>()
  const { payload, handler } = arrange([record(5), record(6)], {
    handle: async (_, context) => {
      await context.waitForTurn()
      await durable
    },
  })
  await handleBatch(payload, handler)
  expect(payload.resolveOffset).toHaveBeenCalledExactlyOnceWith('6')
  expect(handler.partitions.list()).toEqual([{ partition: 2 }])
  becomeDurable()
  await handler.partitions.inFlight.settled()
  expect(payload.resolveOffset).toHaveBeenCalledOnce()
  expect(handler.partitions.list()).toMatchObject([{ partition: 2, position: 7n }])
})

test('an error in the background is thrown at every next batch, until the partitions are reassigned', async () => {
  const { promise: failing, reject: fail } = Promise.withResolvers<void>()
  const { payload, handler, batches, failures } = arrange([record(5)], {
    handle: async (_, context) => {
      await context.waitForTurn()
      await failing
    },
  })
  await handleBatch(payload, handler)
  const rebalance = rebalanceError()
  fail(rebalance)
  await handler.partitions.inFlight.settled()
  const another = arrange([record(7)]).payload
  await expect(handleBatch(another, handler)).rejects.toBe(rebalance)
  await expect(handleBatch(another, handler)).rejects.toBe(rebalance)
  expect(batches).toHaveLength(1)
  expect(failures).toEqual([])
  expect(handler.partitions.list()).toEqual([{ partition: 2 }])

  handler.partitions.assign([2])
  await handleBatch(another, handler)
  expect(batches).toHaveLength(2)
})

test('a commit that fails with no batch in flight still takes effect', async () => {
  for (const [error, ends] of [
    [rebalanceError(), false],
    [new kafkajs.KafkaJSConnectionError('the connection was lost'), true],
  ] as const) {
    const { payload, handler, failures } = arrange([record(5)], {
      handle: async (batch, context) => context.commit(batch.nextOffset),
    })
    const { promise: answered, reject: answer } = Promise.withResolvers<void>()
    payload.commitOffsetsIfNecessary.mockReturnValue(answered)
    await handleBatch(payload, handler)
    expect(handler.partitions.list()).toMatchObject([{ position: 6n }])
    answer(error)
    await handler.partitions.committer.settled()
    expect(failures).toEqual(ends ? [error] : [])
    await expect(handleBatch(payload, handler)).rejects.toBe(error)
  }
})

test('a batch that is decoded during a rebalance does not move the new position', async () => {
  const { payload, handler } = arrange([record(5)], {
    handle: async (_, context) => {
      handler.partitions.assign([2])
      await context.waitForTurn()
    },
  })
  await handleBatch(payload, handler)
  expect(payload.resolveOffset).not.toHaveBeenCalled()
})

test('a record in a rewound batch does not stop the partition: it is found again', async () => {
  const { payload, handler, log } = arrange([record(5)], {
    handle: async () => {
      handler.partitions.seek(2, 3n)
      throw new PartitionStopped(5n, 'stopped at 5')
    },
  })
  await handleBatch(payload, handler)
  expect(payload.pause).not.toHaveBeenCalled()
  expect(log.lines).toEqual([])
  expect(handler.partitions.list()).toEqual([{ partition: 2, position: 3n }])
})

test('a batch that ends after a seek does not move the position', async () => {
  const { payload, handler } = arrange([record(5)], {
    handle: async () => {
      handler.partitions.seek(2, 3n)
    },
  })
  await handleBatch(payload, handler)
  expect(handler.partitions.list()).toEqual([{ partition: 2, position: 3n }])
})

test('a bug in a batch of an earlier assignment is logged, as its session may be over', async () => {
  const { payload, handler, log } = arrange([record(5)], {
    handle: async () => {
      handler.partitions.assign([2])
      throw new TypeError('a bug')
    },
  })
  await handleBatch(payload, handler)
  expect(log.lines).toMatchObject([{ level: 'error', message: expect.stringContaining('a bug') }])
})

test('other errors in a batch of an earlier assignment have no effect', async () => {
  for (const error of [rebalanceError(), new PartitionStopped(5n, 'stopped at 5')]) {
    const { payload, handler, failures, log } = arrange([record(5)], {
      handle: async () => {
        handler.partitions.assign([2])
        throw error
      },
    })
    await handleBatch(payload, handler)
    expect(failures).toEqual([])
    expect(payload.pause).not.toHaveBeenCalled()
    expect(log.lines).toEqual([])
    expect(handler.partitions.list()).toEqual([{ partition: 2 }])
  }
})

test('a partition stops at an unreadable batch only once all before it is durable', async () => {
  for (const messages of [[record(6), unreadable(7, 9)], [unreadable(7, 9)]]) {
    const { promise: durable, resolve: becomeDurable } = Promise.withResolvers<void>()
    const first = arrange([record(5)], {
      handle: async (_, context) => {
        await context.waitForTurn()
        await durable
      },
    })
    await handleBatch(first.payload, first.handler)
    const next = arrange(messages).payload
    const handled = handleBatch(next, first.handler)
    await new Promise(setImmediate)
    expect(next.resolveOffset).not.toHaveBeenCalled()
    expect(next.pause).not.toHaveBeenCalled()
    becomeDurable()
    await handled
    expect(next.pause).toHaveBeenCalledOnce()
    expect(first.handler.partitions.list()[0]?.stopped?.offset).toBe(7n)
  }
})

test('while the worker stops, kafkajs waits for the batches in flight, and fetches nothing', async () => {
  const stopping = new AbortController()
  const { promise: durable, resolve: becomeDurable } = Promise.withResolvers<void>()
  const { payload, handler, batches } = arrange([record(5)], {
    signal: stopping.signal,
    handle: async (_, context) => {
      await context.waitForTurn()
      await durable
    },
  })
  await handleBatch(payload, handler)
  stopping.abort()
  let isOver = false
  const handled = handleBatch(payload, handler).then(() => {
    isOver = true
  })
  await new Promise(setImmediate)
  expect(isOver).toBe(false)
  becomeDurable()
  await handled
  expect(batches).toHaveLength(1)
})
