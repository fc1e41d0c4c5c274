import { expect, test } from 'vitest'
import { kafkajs, type PartitionerArgs } from '../../../../src/kafka/client/kafkajs.ts'
import { createPartitioner, murmur2 } from '../../../../src/kafka/producer/partitioner.ts'

// of Kafka's own UtilsTest
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('the hash of %s is that of the Java client', (key, hash) => {
  expect(murmur2(Buffer.from(key))).toBe(hash)
})

test('a key goes where kafkajs would send it', () => {
  const partition = createPartitioner()
  const partitionOfKafkajs = kafkajs.Partitioners.DefaultPartitioner()
  for (let i = 0; i < 300; i++) {
    const args = argsOf('ß'.repeat(i % 5) + i.toString(36).repeat(i % 7))
    expect(partition(args)).toBe(partitionOfKafkajs(args))
  }
})

test('without a key, records are spread over the partitions that have a leader', () => {
  const partition = createPartitioner()
  const seen = Array.from({ length: 8 }, () => partition(argsOf(null)))
  expect(seen).toEqual([0, 1, 3, 4, 0, 1, 3, 4])
})

test('a key of a megabyte is no burden', () => {
  const startedAt = performance.now()
  createPartitioner()(argsOf(Buffer.alloc(1024 * 1024, 'k')))
  expect(performance.now() - startedAt).toBeLessThan(200)
})

function argsOf(key: Buffer | string | null): PartitionerArgs {
  const partitionMetadata = [0, 1, 2, 3, 4].map((partitionId) => ({
    partitionId,
    leader: partitionId === 2 ? -1 : 1,
    partitionErrorCode: 0,
    replicas: [],
    isr: [],
  }))
  return { topic: 't', partitionMetadata, message: { key, value: null } }
}
