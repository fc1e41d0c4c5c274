import { expect, test } from 'vitest'
import { decodeFetchResponse, type FetchLimits } from '../../../../src/kafka/wire/fetch-response.ts'
import { fetchedRecords } from '../../../../src/kafka/wire/record-batch.ts'
import { batchBytes, fetchResponse, marker } from '../../../setup/kafka/wire-bytes.ts'

const LIMITS: FetchLimits = {
  maxBatchBytes: 1024 * 1024,
  enoughBytes: 1024 * 1024,
}

test('a partition has its error code, watermarks and preferred replica', async () => {
  const bytes = fetchResponse(data(0n, 'a'))
  const { responses } = await decodeFetchResponse(bytes, 11, LIMITS)
  const [partition] = responses[0]?.partitions ?? []
  expect(responses[0]?.topicName).toBe('t')
  expect(partition).toMatchObject({
    partition: 3,
    errorCode: 0,
    highWatermark: '100',
    lastStableOffset: '90',
    preferredReadReplica: -1,
  })
})

test('of interleaved aborted transactions, only placeholders at their offsets are left', async () => {
  const recordSet = Buffer.concat([
    data(0n, 'aborted by 2', 2n),
    data(1n, 'aborted by 1', 1n),
    data(2n, 'outside any transaction'),
    data(3n, 'committed by 3', 3n),
    data(4n, 'aborted by 2', 2n),
    marker(5n, 1n, 'abort'),
    marker(6n, 3n, 'commit'),
    data(7n, 'aborted by 2', 2n),
    marker(8n, 2n, 'abort'),
    data(9n, 'of the next transaction of 2', 2n),
    marker(10n, 2n, 'commit'),
  ])
  // brokers list them in the order in which they ended
  const aborted = [
    { producerId: 1n, firstOffset: 1n },
    { producerId: 2n, firstOffset: 0n },
  ]
  const messages = await decoded(fetchResponse(recordSet, aborted))
  expect(values(messages)).toEqual([
    'outside any transaction',
    'committed by 3',
    'of the next transaction of 2',
  ])
  expect(messages.map(({ offset }) => Number(offset))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
})

test('a fetch that begins within an aborted transaction drops the rest of it', async () => {
  const recordSet = Buffer.concat([data(50n, 'aborted by 1', 1n), marker(51n, 1n, 'abort')])
  const messages = await decoded(fetchResponse(recordSet, [{ producerId: 1n, firstOffset: 40n }]))
  expect(values(messages)).toEqual([])
})

test('a response that ends in a control batch has a record there, so that its offset is committed', async () => {
  const recordSet = Buffer.concat([data(0n, 'aborted by 1', 1n), marker(1n, 1n, 'abort')])
  const messages = await decoded(fetchResponse(recordSet, [{ producerId: 1n, firstOffset: 0n }]))
  const visible = messages.filter(({ isControlRecord }) => !isControlRecord)
  expect(visible.map(({ offset }) => offset)).toEqual(['1'])
  expect(values(messages)).toEqual([])
})

test('reading continues after a batch that compaction emptied', async () => {
  const empty = batchBytes({ firstOffset: 0n, records: [], lastOffsetDelta: 9 })
  const messages = await decoded(fetchResponse(Buffer.concat([empty, data(10n, 'a')])))
  expect(messages.map(({ offset, isControlRecord }) => [offset, isControlRecord])).toEqual([
    ['9', true],
    ['10', false],
  ])
})

test('the last batch, cut off by the broker, is left to the next fetch', async () => {
  const whole = data(0n, 'whole')
  const cut = data(1n, 'cut')
  for (const length of [5, 30, cut.length - 1]) {
    const recordSet = Buffer.concat([whole, cut.subarray(0, length)])
    expect(values(await decoded(fetchResponse(recordSet)))).toEqual(['whole'])
  }
})

test.each([
  ['a length that is negative', 8, Buffer.from('ffffff00', 'hex'), 'claims to have -244 bytes'],
  ['a length shorter than a header', 8, Buffer.from('00000001', 'hex'), 'claims to have 13 bytes'],
  [
    'more bytes than were received',
    8,
    Buffer.from('7fffff00', 'hex'),
    'claims to have 2147483404 bytes',
  ],
  ['an unknown format', 16, Buffer.from('03', 'hex'), 'magic 3'],
])(
  'a first batch with %s is undecodable, and after others it is left to the next fetch',
  async (_, at, bytes, reason) => {
    const wrong = data(1n, 'wrong')
    bytes.copy(wrong, at)
    const [first, ...others] = await decoded(fetchResponse(Buffer.concat([wrong, data(2n, 'b')])))
    expect(first).toMatchObject({ offset: '1', undecodable: { firstOffset: 1n, lastOffset: 1n } })
    expect(first?.undecodable?.reason).toContain(reason)
    expect(others).toEqual([])
    expect(values(await decoded(fetchResponse(Buffer.concat([data(0n, 'a'), wrong]))))).toEqual([
      'a',
    ])
  },
)

test('once enough is decoded, the remaining batches are left to the next fetch', async () => {
  const recordSet = Buffer.concat([data(0n, 'a'), data(1n, 'b'), data(2n, 'c')])
  const messages = await decoded(fetchResponse(recordSet), { ...LIMITS, enoughBytes: 300 })
  expect(values(messages)).toEqual(['a', 'b'])
})

test('the records before and after an undecodable batch are read', async () => {
  const broken = batchBytes({ firstOffset: 1n, records: [{}, {}], codec: 7 })
  const messages = await decoded(
    fetchResponse(Buffer.concat([data(0n, 'a'), broken, data(3n, 'b')])),
  )
  expect(messages.map(({ offset, undecodable }) => [offset, undecodable !== undefined])).toEqual([
    ['0', false],
    ['2', true],
    ['3', false],
  ])
})

test('an undecodable batch of an aborted transaction is skipped', async () => {
  const broken = batchBytes({
    firstOffset: 0n,
    records: [{}],
    codec: 7,
    producerId: 1n,
    isTransactional: true,
  })
  const recordSet = Buffer.concat([broken, marker(1n, 1n, 'abort')])
  const messages = await decoded(fetchResponse(recordSet, [{ producerId: 1n, firstOffset: 0n }]))
  expect(values(messages)).toEqual([])
})

test.each([0, 1] as const)('a message of format %d is undecodable, and says why', async (magic) => {
  const recordSet = Buffer.concat([oldMessage(7n, magic), oldMessage(8n, magic)])
  const messages = await decoded(fetchResponse(recordSet))
  expect(messages).toMatchObject([{ offset: '7', isControlRecord: false }])
  // one at a time: a skip of the first must not skip the second
  expect(messages[0]?.undecodable).toEqual({
    firstOffset: 7n,
    lastOffset: 7n,
    bytes: 30,
    reason: `it has message format ${magic}, from before Kafka 0.11, which is not supported`,
    remedy: 'Publish its records again with a current client, to a topic of message format 2',
  })
})

test('a compressed message of an old format has the offset of the last message inside', async () => {
  const [first] = await decoded(fetchResponse(oldMessage(9n, 1, 1)))
  expect(first?.undecodable).toMatchObject({ firstOffset: 9n, lastOffset: 9n })
  expect(first?.undecodable?.reason).toContain('offsets before it belong to it')
})

test('a message of an old format after batches is left to the next fetch', async () => {
  const recordSet = Buffer.concat([data(0n, 'a'), oldMessage(1n, 1), Buffer.alloc(60)])
  expect(values(await decoded(fetchResponse(recordSet)))).toEqual(['a'])
})

/** `offset messageSize crc magic attributes`, and no more of it: nothing else is looked at. */
function oldMessage(offset: bigint, magic: 0 | 1, attributes = 0): Buffer {
  const bytes = Buffer.alloc(30)
  bytes.writeBigInt64BE(offset, 0)
  bytes.writeInt32BE(18, 8)
  bytes.writeInt8(magic, 16)
  bytes.writeInt8(attributes, 17)
  return bytes
}

function data(firstOffset: bigint, value: string, producerId?: bigint): Buffer {
  const records = [{ value: Buffer.from(value) }]
  return batchBytes(
    producerId === undefined
      ? { firstOffset, records }
      : { firstOffset, records, producerId, isTransactional: true },
  )
}

async function decoded(bytes: Buffer, limits = LIMITS) {
  const { responses } = await decodeFetchResponse(bytes, 11, limits)
  return responses[0]?.partitions[0]?.messages ?? []
}

function values(messages: Awaited<ReturnType<typeof decoded>>) {
  return fetchedRecords(messages.filter(({ isControlRecord }) => !isControlRecord)).map(
    ({ value }) => value?.toString(),
  )
}
