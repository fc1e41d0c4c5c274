import { expect, onTestFinished, test } from 'vitest'
import type { DeadLetter } from '../../../src/domain/dead-letter.ts'
import type { KafkaSettings } from '../../../src/kafka/client/settings.ts'
import { createDeadLetterTopic } from '../../../src/kafka/producer/dead-letter-topic.ts'
import { Unavailable } from '../../../src/pipeline/errors.ts'
import { consume, makeTopic, settingsFor } from '../../setup/kafka/topics.ts'
import { silentLog } from '../../setup/logs.ts'
import { until } from '../../setup/waiting.ts'

const NOW = Date.now()

test('key, exact value, headers and timestamp are those of the record; our headers give the reason', async () => {
  const settings = await withTopic()
  const record = {
    offset: '9007199254740993',
    timestamp: '1600000000000',
    key: Buffer.from([0xff]),
    value: Buffer.from([0, 0xfe, 10]),
    headers: { h: [Buffer.from('1'), Buffer.from('2')], 'group-traits.reason': Buffer.from('x') },
  }
  const [deadLetter] = await writeAndRead(settings, [deadLetterOf(record)])
  expect(deadLetter).toMatchObject({
    key: record.key,
    value: record.value,
    timestamp: record.timestamp,
  })
  expect(headersOf(deadLetter)).toEqual({
    h: ['1', '2'],
    'group-traits.reason': ['x', 'invalid_trait'],
    'group-traits.path': '/traits/plan',
    '__connect.errors.topic': 'groups',
    '__connect.errors.partition': '3',
    '__connect.errors.offset': '9007199254740993',
    '__connect.errors.connector.name': settings.groupId,
    '__connect.errors.stage': 'VALUE_CONVERTER',
    '__connect.errors.exception.class.name': 'invalid_trait',
    '__connect.errors.exception.message': 'plan is no string',
  })
})

test('a null key and a null value stay null', async () => {
  const settings = await withTopic()
  const [deadLetter] = await writeAndRead(settings, [deadLetterOf({ key: null, value: null })])
  expect(deadLetter).toMatchObject({ key: null, value: null })
  expect(headersOf(deadLetter)).not.toHaveProperty('group-traits.value-omitted')
})

test('a dead letter that is too large is written without its value, and those beside it are complete', async () => {
  const settings = await withTopic({ 'max.message.bytes': '2000000' })
  const deadLetters = await writeAndRead(settings, [
    deadLetterOf({ offset: '1', value: Buffer.from('small') }),
    deadLetterOf({ offset: '2', value: Buffer.alloc(2_000_000) }),
    deadLetterOf({ offset: '3', value: Buffer.alloc(1_500_000) }),
  ])
  expect(deadLetters.map(({ value }) => value?.length)).toEqual([5, undefined, 1_500_000])
  expect(
    deadLetters.map((deadLetter) => headersOf(deadLetter)['group-traits.value-omitted']),
  ).toEqual([undefined, 'too-large', undefined])
})

test('a record of the largest legal size, which is too large with our headers, is written without its value', async () => {
  const settings = await withTopic({ 'max.message.bytes': '1048588' })
  const value = Buffer.alloc(1_048_400)
  const [deadLetter] = await writeAndRead(settings, [deadLetterOf({ value })])
  expect(deadLetter?.value?.length).toBeUndefined()
})

test('headers and a key that are too large are left out, too', async () => {
  const settings = await withTopic({ 'max.message.bytes': '100000' })
  const headers = { h: Buffer.alloc(200_000) }
  const [deadLetter] = await writeAndRead(settings, [
    deadLetterOf({ key: Buffer.alloc(200_000), value: Buffer.alloc(200_000), headers }),
  ])
  expect(deadLetter).toMatchObject({ key: null, value: null })
  expect(headersOf(deadLetter)).toMatchObject({ '__connect.errors.offset': '7' })
})

test('a timestamp that the topic rejects is replaced by the current time, and kept in a header', async () => {
  const settings = await withTopic({ 'message.timestamp.after.max.ms': '3600000' })
  const ahead = String(NOW + 9 * 3_600_000)
  const deadLetters = await writeAndRead(settings, [
    deadLetterOf({ offset: '1', timestamp: String(NOW) }),
    deadLetterOf({ offset: '2', timestamp: ahead, value: Buffer.from('ahead') }),
    deadLetterOf({ offset: '3', timestamp: '-1' }),
  ])
  const own = deadLetters.map(
    (deadLetter) => headersOf(deadLetter)['group-traits.original-timestamp'],
  )
  expect(own).toEqual([undefined, ahead, '-1'])
  expect(deadLetters[1]?.value?.toString()).toBe('ahead')
  for (const { timestamp } of deadLetters) {
    expect(Math.abs(Number(timestamp) - NOW)).toBeLessThan(60_000)
  }
})

test('a compacted topic, which rejects records without a key, gets one with a key', async () => {
  const settings = await withTopic({ 'cleanup.policy': 'compact' })
  const [deadLetter] = await writeAndRead(settings, [
    deadLetterOf({ key: null, value: Buffer.from('v') }),
  ])
  expect(deadLetter?.key?.toString()).toBe('groups/3/7')
})

test('a thousand dead letters of 10 kB are written in order', async () => {
  const settings = await withTopic()
  const all = Array.from({ length: 1000 }, (_, i) =>
    deadLetterOf({ offset: String(i), value: Buffer.alloc(10_000) }),
  )
  const deadLetters = await writeAndRead(settings, all)
  expect(
    deadLetters.map((deadLetter) => Number(headersOf(deadLetter)['__connect.errors.offset'])),
  ).toEqual(all.map((_, i) => i))
})

test('a long message and a long path are cut', async () => {
  const settings = await withTopic()
  const problem = {
    reason: 'not_json',
    path: 'p'.repeat(5000),
    message: 'm'.repeat(100_000),
  } as const
  const [deadLetter] = await writeAndRead(settings, [{ ...deadLetterOf({}), problem }])
  const headers = headersOf(deadLetter)
  expect(headers['__connect.errors.exception.message']?.length).toBeLessThan(1100)
  expect(headers['group-traits.path']?.length).toBeLessThan(600)
})

test('a missing dead-letter topic is an outage, and no dead letter is lost', async () => {
  const settings = settingsFor()
  const deadLetterTopic = createDeadLetterTopic(settings, silentLog)
  onTestFinished(() => deadLetterTopic.close())
  await expect(deadLetterTopic.write([deadLetterOf({})])).rejects.toBeInstanceOf(Unavailable)
  await makeTopic(settings, 1, {}, settings.deadLetterTopic)
  await deadLetterTopic.write([deadLetterOf({})])
})

async function withTopic(config: Record<string, string> = {}): Promise<KafkaSettings> {
  const settings = settingsFor()
  await makeTopic(settings, 1, config, settings.deadLetterTopic)
  return settings
}

function deadLetterOf(record: Partial<DeadLetter['record']>): DeadLetter {
  return {
    topic: 'groups',
    partition: 3,
    record: { offset: '7', timestamp: String(NOW), key: null, value: null, ...record },
    problem: { reason: 'invalid_trait', path: '/traits/plan', message: 'plan is no string' },
  }
}

async function writeAndRead(settings: KafkaSettings, deadLetters: readonly DeadLetter[]) {
  const deadLetterTopic = createDeadLetterTopic(settings, silentLog)
  onTestFinished(() => deadLetterTopic.close())
  await deadLetterTopic.write(deadLetters)
  const { records } = consume({ ...settings, topic: settings.deadLetterTopic })
  await until('all are read', () => records.length >= deadLetters.length)
  expect(records).toHaveLength(deadLetters.length)
  return records
}

type ReadDeadLetter = Awaited<ReturnType<typeof writeAndRead>>[number]

function headersOf(deadLetter: ReadDeadLetter | undefined): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(deadLetter?.headers ?? {}).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(String) : String(value),
    ]),
  )
}
