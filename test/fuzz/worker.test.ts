import { isDeepStrictEqual } from 'node:util'
import { expect, inject, onTestFinished, test } from 'vitest'
import type { Message } from '../../src/kafka/client/kafkajs.ts'
import type { KafkaSettings } from '../../src/kafka/client/settings.ts'
import { readOffsets } from '../../src/kafka/topics/offsets.ts'
import { scanTopic } from '../../src/kafka/topics/scan.ts'
import type { RedisConnection } from '../../src/redis/connection/connection.ts'
import { readGroup } from '../../src/redis/reading/group-reader.ts'
import { type Environment, ownEnvironment, run } from '../setup/cli/command-line.ts'
import { CODECS } from '../setup/kafka/codecs.ts'
import { makeTopic, settingsFor } from '../setup/kafka/topics.ts'
import { silentLog } from '../setup/logs.ts'
import { openTestRedis } from '../setup/redis/connection.ts'
import { until } from '../setup/waiting.ts'
import { startWorker } from '../setup/worker/test-worker.ts'
import { chanceAt } from './chance.ts'
import {
  bytesOf,
  type Expected,
  expectedOf,
  readViewOf,
  type TopicRecord,
  viewOf,
} from './expected-results.ts'
import { INPUTS, SEED } from './fuzz-process.ts'
import { mutatedRecord } from './mutated-records.ts'
import { produceWith } from './producer.ts'

const MiB = 1024 * 1024
/** Records that are produced at once, with one codec. */
const CHUNK = 250
/** A multiple of CHUNK. */
const COUNT = CHUNK * Math.ceil(INPUTS / 30 / CHUNK)
const PARTITIONS = 4

test(`${COUNT} mutated records (FUZZ_SEED=${SEED}) in every codec are all in Redis or dead letters, byte for byte`, async () => {
  const environment = ownEnvironment()
  const settings = topicOf(environment)
  await makeTopic(settings, PARTITIONS, { 'max.message.bytes': String(32 * MiB) })
  const worker = startWorker(environment)
  for (let from = 0; from < COUNT; from += CHUNK) {
    const messages = Array.from({ length: CHUNK }, (_, at) => messageAt(from + at))
    await produceWith(CODECS[(from / CHUNK) % CODECS.length]!, settings, messages)
  }

  await until('all records are committed', () => isDrained(settings), 60_000)
  expect((await worker.get('/healthz')).status).toBe(200)
  await until('the worker is ready', async () => (await worker.get('/readyz')).status === 200)

  const records = await recordsOf(settings)
  expect(records).toHaveLength(COUNT)
  expect(records.filter((record) => !isAsSent(record))).toEqual([])
  const expected = expectedOf(records, Date.now())
  expect(expected.accepted).toBeGreaterThan(COUNT / 10)
  expect(expected.rejected.size).toBeGreaterThan(COUNT / 10)
  expect(await deadLettersOf(settings)).toEqual(expected.rejected)
  await expectState(environment, expected)
  expect(await worker.end('SIGTERM')).toBe(0)
  expect(worker.lines.filter(({ level }) => /error|fatal|stderr/.test(level))).toEqual([])
}, 120_000)

test('a batch with too many headers stops its partition and is reported; skip continues it', async () => {
  const environment = { ...ownEnvironment(), KAFKA_MAX_BATCH_BYTES: '8MiB' }
  const settings = topicOf(environment)
  await makeTopic(settings, 2)
  const zstd = CODECS.find(({ name }) => name === 'zstd')!
  const eventOf = (partition: number, name: string) => ({
    partition,
    value: JSON.stringify({ group_id: name, user_id: 'u', traits: {}, timestamp: '2026-01-01' }),
  })
  // less than a megabyte, compressed and uncompressed
  const names = Array.from({ length: 80_000 }, (_, at) => [at.toString(36), ''])
  await produceWith(zstd, settings, [eventOf(0, 'before')])
  await produceWith(zstd, settings, [{ ...eventOf(0, 'bomb'), headers: Object.fromEntries(names) }])
  await produceWith(zstd, settings, [eventOf(0, 'after'), eventOf(1, 'elsewhere')])

  const worker = startWorker(environment)
  const { msg } = await worker.said('cannot be read')
  expect(msg).toMatch(/^the batch of offsets 1 to 1 of \S+\/0 \(\d+ bytes\) cannot be read/)
  const { status, body } = await worker.get('/readyz')
  expect([status, body]).toEqual([503, expect.stringContaining('`group-traits skip 0 1`')])
  const redis = redisOf(environment)
  const clock = async (groupId: string) => (await readGroup(redis, groupId))?.latest
  await until('the other partition continues', () => clock('elsewhere'))
  expect(await clock('after')).toBeUndefined()

  expect(await run(['skip', '0', '1', '--yes'], environment)).toMatchObject({ exitCode: 0 })
  await until('the partition continues', () => clock('after'))
  await until('all records are committed', () => isDrained(settings))
  expect(await clock('bomb')).toBeUndefined()
  const [deadLetter] = await recordsOf({ ...settings, topic: settings.deadLetterTopic })
  expect(String(deadLetter?.headers?.['group-traits.value-omitted'])).toBe('undecodable')
  await until('the worker is ready again', async () => (await worker.get('/readyz')).status === 200)
  expect(await worker.end('SIGTERM')).toBe(0)
}, 60_000)

/** The message at offset `index / PARTITIONS` of partition `index % PARTITIONS`. */
function messageAt(index: number): Message {
  const { key, value, headers } = mutatedRecord(chanceAt(SEED, index))
  return {
    key,
    value,
    partition: index % PARTITIONS,
    ...(headers && { headers: headers as NonNullable<Message['headers']> }),
  }
}

function isAsSent(record: TopicRecord): boolean {
  const { key, value } = mutatedRecord(
    chanceAt(SEED, PARTITIONS * Number(record.offset) + record.partition),
  )
  return isDeepStrictEqual(bytesOf(record), bytesOf({ ...record, key, value }))
}

function topicOf({ KAFKA_TOPIC: topic }: ReturnType<typeof ownEnvironment>): KafkaSettings {
  return { ...settingsFor(), topic, groupId: topic, deadLetterTopic: `${topic}.dead-letters` }
}

async function isDrained(settings: KafkaSettings): Promise<boolean> {
  const offsets = await readOffsets(settings, silentLog)
  return offsets.every(({ next, end }) => next === end)
}

async function recordsOf(settings: KafkaSettings): Promise<TopicRecord[]> {
  const records: TopicRecord[] = []
  await scanTopic({
    settings,
    log: silentLog,
    onRecords: (partition, found) => {
      for (const { offset, timestamp, key, value, headers } of found) {
        records.push({ offset, timestamp, key, value, headers, partition })
      }
    },
  })
  return records
}

/** The dead letters, by partition/offset of the original record. */
async function deadLettersOf(settings: KafkaSettings): Promise<Expected['rejected']> {
  const records = await recordsOf({ ...settings, topic: settings.deadLetterTopic })
  return new Map(
    records.map((record) => {
      const header = (name: string) => String([record.headers?.[name]].flat().at(-1))
      const origin = `${header('__connect.errors.partition')}/${header('__connect.errors.offset')}`
      return [origin, { ...bytesOf(record), reason: header('group-traits.reason') }]
    }),
  )
}

async function expectState(environment: Environment, { groups }: Expected): Promise<void> {
  const redis = redisOf(environment)
  for (const state of groups.values()) {
    const view = await readGroup(redis, state.groupId, 1_000_000)
    expect(view && readViewOf(view)).toEqual(viewOf(state))
  }
  // every group has a clock key, even without traits and members
  const keys = await redis.client.call('KEYS', `${redis.settings.groupPrefix}*:clock`)
  expect(keys).toHaveLength(groups.size)
}

function redisOf({ REDIS_GROUP_PREFIX: groupPrefix = '' }: Environment): RedisConnection {
  const redis = openTestRedis(inject('redisUrl'), { groupPrefix })
  onTestFinished(() => redis.close())
  return redis
}
