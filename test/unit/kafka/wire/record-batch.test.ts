import { expect, test } from 'vitest'
import { readHeader } from '../../../../src/kafka/wire/batch-header.ts'
import { readRecords } from '../../../../src/kafka/wire/record-batch.ts'
import { batchBytes, type WireBatch } from '../../../setup/kafka/wire-bytes.ts'

const CAP = 64 * 1024 * 1024

test('a record has its offset, timestamp, key and exact value', async () => {
  const { records } = await read({
    firstOffset: 41n,
    firstTimestamp: 1_700_000_000_000n,
    records: [
      { key: null, value: Buffer.from([0, 255]) },
      { key: Buffer.from('k'), value: null, timestampDelta: -5n },
      { key: Buffer.alloc(0), value: Buffer.alloc(0), timestampDelta: 1n << 33n },
    ],
  })
  expect(records).toMatchObject([
    seen('41', '1700000000000', null, Buffer.from([0, 255])),
    seen('42', '1699999999995', Buffer.from('k'), null),
    seen('43', '1708589934592', Buffer.alloc(0), Buffer.alloc(0)),
  ])
})

test('offsets and timestamps beyond 2^53 stay exact', async () => {
  const { records } = await read({
    firstOffset: 2n ** 60n,
    firstTimestamp: 2n ** 62n + 1n,
    records: [{}, { timestampDelta: 2n ** 61n + 1n }],
  })
  expect(records.map(({ offset, timestamp }) => [offset, timestamp])).toEqual([
    ['1152921504606846976', '4611686018427387905'],
    ['1152921504606846977', String(2n ** 62n + 2n ** 61n + 2n)],
  ])
})

test('with log-append time, every record has the batch’s maxTimestamp', async () => {
  const { records } = await read({
    firstOffset: 0n,
    isLogAppendTime: true,
    maxTimestamp: 1_800_000_000_000n,
    records: [{ timestampDelta: 7n }, {}],
  })
  expect(records.map(({ timestamp }) => timestamp)).toEqual(['1800000000000', '1800000000000'])
})

test('a header may have any name, be repeated, or have no value', async () => {
  const [x, y] = [Buffer.from('x'), Buffer.from('y')]
  const { records } = await read({
    firstOffset: 0n,
    records: [
      {
        headers: [
          ['constructor', x],
          ['__proto__', y],
          ['__proto__', x],
          ['none', null],
        ],
      },
    ],
  })
  const headers = records[0]?.headers ?? {}
  expect(Object.entries(headers)).toEqual([
    ['constructor', x],
    ['__proto__', [y, x]],
    ['none', Buffer.alloc(0)],
  ])
})

test('100,000 headers are read in linear time', async () => {
  const headers = Array.from({ length: 100_000 }, (_, i) => [`h${i}`, Buffer.from('v')] as const)
  const startedAt = performance.now()
  const { records } = await read({ firstOffset: 0n, records: [{ headers }] })
  expect(Object.keys(records[0]?.headers ?? {})).toHaveLength(100_000)
  expect(performance.now() - startedAt).toBeLessThan(5000)
})

test('200,000 records in one batch are read', async () => {
  const records = Array.from({ length: 200_000 }, () => ({}))
  const read200k = await read({ firstOffset: 0n, records })
  expect(read200k.records).toHaveLength(200_000)
  expect(read200k.records.at(-1)?.offset).toBe('199999')
})

test('a batch of more records than the cap allows gives one unreadable record at its last offset', async () => {
  const { records } = await read({ firstOffset: 7n, records: [{}, {}, {}] }, 600)
  expect(records).toHaveLength(1)
  expect(records[0]).toMatchObject({ offset: '9', value: null, isControlRecord: false })
  expect(records[0]?.undecodable).toMatchObject({ firstOffset: 7n, lastOffset: 9n })
  expect(records[0]?.undecodable?.reason).toContain('kafka.maxBatchBytes')
})

test.each([
  ['a recordsCount above the number of records', { count: 3 }],
  ['a negative recordsCount, which must not add to the memory allowed', { count: -1 }],
  ['a recordsCount below the number of records', { count: 0 }],
  ['an offset outside the batch', { lastOffsetDelta: -1, records: [{}, {}] }],
  ['an unknown compression', { codec: 6 }],
  ['invalid gzip', { codec: 1 }],
  ['invalid snappy', { codec: 2 }],
  ['invalid lz4', { codec: 3 }],
  ['invalid zstd', { codec: 4 }],
])('%s makes the batch undecodable, and nothing is thrown', async (_, wrong) => {
  const { records } = await read({
    firstOffset: 0n,
    records: [{ value: Buffer.from('abc') }],
    ...wrong,
  })
  expect(records).toHaveLength(1)
  expect(records[0]?.undecodable?.reason).toContain('cannot be decoded')
})

test('a record of another length than it claims makes the batch undecodable', async () => {
  const longer = (plain: Buffer) =>
    Buffer.concat([Buffer.of(plain[0]! + 2), plain.subarray(1), Buffer.alloc(1)])
  const { records } = await read({ firstOffset: 0n, records: [{}], compress: longer })
  expect(records[0]?.undecodable?.reason).toContain('another length')
})

test('headers beyond the memory allowed make the batch undecodable', async () => {
  const headers = Array.from({ length: 1000 }, () => ['', null] as const)
  const batch = { firstOffset: 0n, records: [{ headers }] }
  const enough = await read(batch, 140_000)
  expect(enough.records[0]?.undecodable).toBeUndefined()
  expect(enough.costBytes).toBeGreaterThan(100_000)
  const { records } = await read(batch, 100_000)
  expect(records[0]?.undecodable?.reason).toContain('kafka.maxBatchBytes')
})

async function read(batch: WireBatch, cap = CAP) {
  const bytes = batchBytes(batch)
  return await readRecords(bytes, readHeader(bytes), cap)
}

function seen(offset: string, timestamp: string, key: Buffer | null, value: Buffer | null) {
  return { offset, timestamp, key, value, headers: undefined, isControlRecord: false }
}
