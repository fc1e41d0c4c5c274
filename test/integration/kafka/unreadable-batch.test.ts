import { gzipSync, zstdCompressSync } from 'node:zlib'
import { compressFrameSync } from 'lz4-napi'
import { compressSync } from 'snappy'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { clusterOf, kafkajs, type Message } from '../../../src/kafka/client/kafkajs.ts'
import type { KafkaSettings } from '../../../src/kafka/client/settings.ts'
import { createDeadLetterTopic } from '../../../src/kafka/producer/dead-letter-topic.ts'
import { type Skipped, skipRecord } from '../../../src/kafka/topics/skip.ts'
import { ensureDeadLetterTopic } from '../../../src/kafka/topics/topics.ts'
import {
  committed,
  consume,
  makeTopic,
  plainClient,
  produce,
  settingsFor,
} from '../../setup/kafka/topics.ts'
import { silentLog as log } from '../../setup/logs.ts'
import { until } from '../../setup/waiting.ts'

const MiB = 1024 * 1024
const { CompressionTypes, CompressionCodecs } = kafkajs
const BOMB = Buffer.alloc(24 * MiB)

const CODECS = [
  ['gzip', CompressionTypes.GZIP, gzipSync],
  ['snappy', CompressionTypes.Snappy, (plain: Buffer) => Buffer.from(compressSync(plain))],
  ['lz4', CompressionTypes.LZ4, (plain: Buffer) => compressFrameSync(plain)],
  ['zstd', CompressionTypes.ZSTD, zstdCompressSync],
] as const

// for the producer only: our own decoder reads
beforeAll(() => {
  for (const [, type, compress] of CODECS) {
    const codec = { compress: async ({ buffer }: { buffer: Buffer }) => compress(buffer) }
    ;(CompressionCodecs as Record<number, () => object>)[type] = () => codec
  }
})

describe.each(CODECS)('a %s bomb', (_, compression) => {
  test('stops its partition only, can be skipped, and then the rest is read', async () => {
    const settings = { ...settingsFor(), maxBatchBytes: 8 * MiB }
    await makeTopic(settings, 2, { 'max.message.bytes': '4000000' })
    await produce(settings, [{ partition: 0, value: 'before' }], compression)
    const bomb = [
      { partition: 0, value: BOMB },
      { partition: 0, value: 'beside' },
    ]
    await produce(settings, bomb, compression)
    await produce(settings, [{ partition: 0, value: 'after' }], compression)
    const { consumer, values, lines } = consume(settings)
    const stopped = () => consumer.state().partitions[0]?.stopped
    await until('the partition stops', () => stopped() !== undefined)
    expect(stopped()?.offset).toBe(1n)
    expect(stopped()?.message).toContain(`the batch of offsets 1 to 2 of ${settings.topic}/0`)
    expect(stopped()?.message).toContain('`group-traits skip 0 1`')

    await produce(settings, [{ partition: 1, value: 'elsewhere' }])
    await until('the other partition is read on', () => values().includes('elsewhere'))
    expect(values()).toEqual(['before', 'elsewhere'])
    await expect.poll(() => committed(settings), { timeout: 5000 }).toEqual({ 0: '1', 1: '1' })

    expect(await skip(settings, 1n)).toEqual({
      partition: 0,
      offset: 1n,
      nextOffset: 3n,
      wasReadable: false,
    })
    await until('the partition is read on', () => values().includes('after'))
    expect(values()).toEqual(['before', 'elsewhere', 'after'])
    expect(stopped()).toBeUndefined()
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(1)
  })
})

test('200,000 tiny records in one batch are read', async () => {
  const settings = settingsFor()
  await makeTopic(settings)
  const messages = Array.from({ length: 200_000 }, () => ({ value: '' }))
  await produceOneBatch(settings, messages)
  const { records } = consume(settings)
  await until('all records are read', () => records.length > 0)
  expect(records).toHaveLength(200_000)
})

test('a batch of more records than kafka.maxBatchBytes allows stops its partition, too', async () => {
  const settings = { ...settingsFor(), maxBatchBytes: MiB }
  await makeTopic(settings)
  const messages = Array.from({ length: 5000 }, () => ({ value: '' }))
  await produce(settings, messages)
  const { consumer } = consume(settings)
  await until('the partition stops', () => consumer.state().partitions[0]?.stopped !== undefined)
  expect(consumer.state().partitions[0]?.stopped?.message).toContain('its 5000 records')
})

/** Bypasses kafkajs' producer, whose time grows with the square of the number of messages. */
async function produceOneBatch(settings: KafkaSettings, messages: Message[]): Promise<void> {
  const { topic } = settings
  const cluster = clusterOf(plainClient(settings))
  await cluster.connect()
  onTestFinished(() => cluster.disconnect())
  await cluster.addTargetTopic(topic)
  const nodeId = cluster.findTopicPartitionMetadata(topic)[0]?.leader ?? 0
  const broker = await cluster.findBroker({ nodeId })
  const partitions = [{ partition: 0, firstSequence: 0, messages }]
  await broker.produce({ topicData: [{ topic, partitions }], compression: CompressionTypes.ZSTD })
}

async function skip(settings: KafkaSettings, offset: bigint): Promise<Skipped> {
  await ensureDeadLetterTopic(settings, log)
  const deadLetters = createDeadLetterTopic(settings, log)
  onTestFinished(() => deadLetters.close())
  return await skipRecord({ settings, log, deadLetterTopic: deadLetters, partition: 0, offset })
}
