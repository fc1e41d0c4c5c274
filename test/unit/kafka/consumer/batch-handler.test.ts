import { expect, test, vi } from 'vitest'
import { type EachBatchPayload, kafkajs } from '../../../../src/kafka/client/kafkajs.ts'
import { type BatchHandler, handleBatch } from '../../../../src/kafka/consumer/batch-handler.ts'
import { BatchesInFlight } from '../../../../src/kafka/consumer/batches-in-flight.ts'
import { PartitionStates } from '../../../../src/kafka/consumer/partition-states.ts'
import type { FetchedRecord } from '../../../../src/kafka/wire/record-batch.ts'
import { Abandoned, PartitionStopped } from '../../../../src/pipeline/errors.ts'
import type { RecordBatch } from '../../../../src/pipeline/ports.ts'
import { recordLog } from '../../../setup/logs.ts'

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
    'stops at offset 6. Raise kafka.maxBatchBytes, or set the batch aside with ' +
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

test('kafkajs may fetch behind a batch once it is decoded; the position moves once it is durable', async () => {
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

function rebalanceError(): Error {
  const error = new kafkajs.KafkaJSError('The group is rebalancing')
  return Object.assign(error, { type: 'REBALANCE_IN_PROGRESS' })
}

interface Arrangement {
  readonly lastOffset?: string
  readonly fetchedOffset?: string
  readonly signal?: AbortSignal
  readonly handle?: BatchHandler['handle']
}

function arrange(messages: FetchedRecord[], given: Arrangement = {}) {
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

function record(offset: number): FetchedRecord {
  return {
    offset: String(offset),
    timestamp: '1700000000000',
    key: null,
    value: Buffer.from('v'),
    isControlRecord: false,
  }
}

function unreadable(first: number, last: number): FetchedRecord {
  const undecodable = {
    firstOffset: BigInt(first),
    lastOffset: BigInt(last),
    bytes: 123,
    reason: 'because',
  }
  return { ...record(last), value: null, undecodable }
}
