import { expect, onTestFinished, test } from 'vitest'
import type { DeadLetter } from '../../../src/domain/dead-letter.ts'
import type { KafkaSettings } from '../../../src/kafka/client/settings.ts'
import { createDeadLetterTopic } from '../../../src/kafka/producer/dead-letter-topic.ts'
import { Unavailable } from '../../../src/pipeline/errors.ts'
import { consume, makeTopic, settingsFor } from '../../setup/kafka/topics.ts'
import { silentLog } from '../../setup/logs.ts'
import { until } from '../../setup/waiting.ts'

const NOW = Date.now()

test('key, exact value, headers and timestamp are those of the record; ours say why', async () => {
  const settings = await withTopic()
  const record = {
    offset: '9007199254740993',
    timestamp: '1600000000000',
    key: Buffer.from([0xff]),
    value: Buffer.from([0, 0xfe, 10]),
    headers: { h: [Buffer.from('1'), Buffer.from('2')], 'group-traits.reason': Buffer.from('x') },
  }
  const [letter] = await writeAndRead(settings, [letterOf(record)])
  expect(letter).toMatchObject({
    key: record.key,
    value: record.value,
    timestamp: record.timestamp,
  })
  expect(headersOf(letter)).toEqual({
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
  const [letter] = await writeAndRead(settings, [letterOf({ key: null, value: null })])
  expect(letter).toMatchObject({ key: null, value: null })
  expect(headersOf(letter)).not.toHaveProperty('group-traits.value-omitted')
})

test('what is too large goes without its value, and the letters beside it are whole', async () => {
  const settings = await withTopic({ 'max.message.bytes': '2000000' })
  const letters = await writeAndRead(settings, [
    letterOf({ offset: '1', value: Buffer.from('small') }),
    letterOf({ offset: '2', value: Buffer.alloc(2_000_000) }),
    letterOf({ offset: '3', value: Buffer.alloc(1_500_000) }),
  ])
  expect(letters.map(({ value }) => value?.length)).toEqual([5, undefined, 1_500_000])
  expect(letters.map((letter) => headersOf(letter)['group-traits.value-omitted'])).toEqual([
    undefined,
    'too-large',
    undefined,
  ])
})

test('a legal record of the largest size fits no more with our headers, and is not in the way', async () => {
  const settings = await withTopic({ 'max.message.bytes': '1048588' })
  const value = Buffer.alloc(1_048_400)
  const [letter] = await writeAndRead(settings, [letterOf({ value })])
  expect(letter?.value?.length).toBeUndefined()
})

test('headers and a key that are too large go, too', async () => {
  const settings = await withTopic({ 'max.message.bytes': '100000' })
  const headers = { h: Buffer.alloc(200_000) }
  const [letter] = await writeAndRead(settings, [
    letterOf({ key: Buffer.alloc(200_000), value: Buffer.alloc(200_000), headers }),
  ])
  expect(letter).toMatchObject({ key: null, value: null })
  expect(headersOf(letter)).toMatchObject({ '__connect.errors.offset': '7' })
})

test('a timestamp that the topic refuses becomes that of now, with its own in a header', async () => {
  const settings = await withTopic({ 'message.timestamp.after.max.ms': '3600000' })
  const ahead = String(NOW + 9 * 3_600_000)
  const letters = await writeAndRead(settings, [
    letterOf({ offset: '1', timestamp: String(NOW) }),
    letterOf({ offset: '2', timestamp: ahead, value: Buffer.from('ahead') }),
    letterOf({ offset: '3', timestamp: '-1' }),
  ])
  const own = letters.map((letter) => headersOf(letter)['group-traits.original-timestamp'])
  expect(own).toEqual([undefined, ahead, '-1'])
  expect(letters[1]?.value?.toString()).toBe('ahead')
  for (const { timestamp } of letters) {
    expect(Math.abs(Number(timestamp) - NOW)).toBeLessThan(60_000)
  }
})

test('a compacted topic, which takes no record without a key, gets one', async () => {
  const settings = await withTopic({ 'cleanup.policy': 'compact' })
  const [letter] = await writeAndRead(settings, [letterOf({ key: null, value: Buffer.from('v') })])
  expect(letter?.key?.toString()).toBe('groups/3/7')
})

test('a thousand letters of 10 kB come in order', async () => {
  const settings = await withTopic()
  const all = Array.from({ length: 1000 }, (_, i) =>
    letterOf({ offset: String(i), value: Buffer.alloc(10_000) }),
  )
  const letters = await writeAndRead(settings, all)
  expect(letters.map((letter) => Number(headersOf(letter)['__connect.errors.offset']))).toEqual(
    all.map((_, i) => i),
  )
})

test('a message for people is cut, however long it is', async () => {
  const settings = await withTopic()
  const problem = {
    reason: 'not_json',
    path: 'p'.repeat(5000),
    message: 'm'.repeat(100_000),
  } as const
  const [letter] = await writeAndRead(settings, [{ ...letterOf({}), problem }])
  const headers = headersOf(letter)
  expect(headers['__connect.errors.exception.message']?.length).toBeLessThan(1100)
  expect(headers['group-traits.path']?.length).toBeLessThan(600)
})

test('a topic that is not there is an outage, never a loss', async () => {
  const settings = settingsFor()
  const deadLetters = createDeadLetterTopic(settings, silentLog)
  onTestFinished(() => deadLetters.close())
  await expect(deadLetters.write([letterOf({})])).rejects.toBeInstanceOf(Unavailable)
  await makeTopic(settings, 1, {}, settings.deadLetterTopic)
  await deadLetters.write([letterOf({})])
})

async function withTopic(config: Record<string, string> = {}): Promise<KafkaSettings> {
  const settings = settingsFor()
  await makeTopic(settings, 1, config, settings.deadLetterTopic)
  return settings
}

function letterOf(record: Partial<DeadLetter['record']>): DeadLetter {
  return {
    topic: 'groups',
    partition: 3,
    record: { offset: '7', timestamp: String(NOW), key: null, value: null, ...record },
    problem: { reason: 'invalid_trait', path: '/traits/plan', message: 'plan is no string' },
  }
}

async function writeAndRead(settings: KafkaSettings, letters: readonly DeadLetter[]) {
  const deadLetters = createDeadLetterTopic(settings, silentLog)
  onTestFinished(() => deadLetters.close())
  await deadLetters.write(letters)
  const { records } = consume({ ...settings, topic: settings.deadLetterTopic })
  await until('all are there', () => records.length >= letters.length)
  expect(records).toHaveLength(letters.length)
  return records
}

type Letter = Awaited<ReturnType<typeof writeAndRead>>[number]

function headersOf(letter: Letter | undefined): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(letter?.headers ?? {}).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(String) : String(value),
    ]),
  )
}
