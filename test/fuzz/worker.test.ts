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
  type PlacedRecord,
  readViewOf,
  viewOf,
} from './expected.ts'
import { INPUTS, SEED } from './fuzz-process.ts'
import { produceWith } from './production.ts'
import { mutatedRecord } from './records.ts'

const MiB = 1024 * 1024
const PACK = 250
/** In whole packs. */
const COUNT = PACK * Math.ceil(INPUTS / 30 / PACK)
const PARTITIONS = 4

test(`of ${COUNT} mutated records (FUZZ_SEED=${SEED}) in every codec, each is in Redis or a dead letter, byte for byte`, async () => {
  const environment = ownEnvironment()
  const settings = topicOf(environment)
  await makeTopic(settings, PARTITIONS, { 'max.message.bytes': String(32 * MiB) })
  const worker = startWorker(environment)
  for (let from = 0; from < COUNT; from += PACK) {
    const messages = Array.from({ length: PACK }, (_, at) => messageAt(from + at))
    await produceWith(CODECS[(from / PACK) % CODECS.length]!, settings, messages)
  }

  await until('all is committed', () => isDrained(settings), 60_000)
  expect((await worker.get('/healthz')).status).toBe(200)
  await until('it is ready', async () => (await worker.get('/readyz')).status === 200)

  const records = await recordsOf(settings)
  expect(records).toHaveLength(COUNT)
  expect(records.filter((record) => !isAsSent(record))).toEqual([])
  const expected = expectedOf(records, Date.now())
  expect(expected.accepted).toBeGreaterThan(COUNT / 10)
  expect(expected.rejected.size).toBeGreaterThan(COUNT / 10)
  expect(await lettersOf(settings)).toEqual(expected.rejected)
  await expectState(environment, expected)
  expect(await worker.end('SIGTERM')).toBe(0)
  expect(worker.lines.filter(({ level }) => /error|fatal|stderr/.test(level))).toEqual([])
}, 120_000)

test('a batch of too many headers stops its partition, named by offset and size; skip goes on', async () => {
  const environment = { ...ownEnvironment(), KAFKA_MAX_BATCH_BYTES: '8MiB' }
  const settings = topicOf(environment)
  await makeTopic(settings, 2)
  const zstd = CODECS.find(({ name }) => name === 'zstd')!
  const eventOf = (partition: number, name: string) => ({
    partition,
    value: JSON.stringify({ group_id: name, user_id: 'u', traits: {}, timestamp: '2026-01-01' }),
  })
  // not a megabyte, as it is and as it is sent
  const names = Array.from({ length: 80_000 }, (_, at) => [at.toString(36), ''])
  await produceWith(zstd, settings, [eventOf(0, 'before')])
  await produceWith(zstd, settings, [{ ...eventOf(0, 'bomb'), headers: Object.fromEntries(names) }])
  await produceWith(zstd, settings, [eventOf(0, 'behind'), eventOf(1, 'elsewhere')])

  const worker = startWorker(environment)
  const { msg } = await worker.said('cannot be read')
  expect(msg).toMatch(/^the batch of offsets 1 to 1 of \S+\/0 \(\d+ bytes\) cannot be read/)
  const { status, body } = await worker.get('/readyz')
  expect([status, body]).toEqual([503, expect.stringContaining('`group-traits skip 0 1`')])
  const redis = redisOf(environment)
  const clock = async (groupId: string) => (await readGroup(redis, groupId))?.latest
  await until('the other partition goes on', () => clock('elsewhere'))
  expect(await clock('behind')).toBeUndefined()

  expect(await run(['skip', '0', '1', '--yes'], environment)).toMatchObject({ exitCode: 0 })
  await until('it goes on', () => clock('behind'))
  await until('all is committed', () => isDrained(settings))
  expect(await clock('bomb')).toBeUndefined()
  const [letter] = await recordsOf({ ...settings, topic: settings.deadLetterTopic })
  expect(String(letter?.headers?.['group-traits.value-omitted'])).toBe('undecodable')
  await until('it is ready again', async () => (await worker.get('/readyz')).status === 200)
  expect(await worker.end('SIGTERM')).toBe(0)
}, 60_000)

/** It stands at offset `index / PARTITIONS` of its partition. */
function messageAt(index: number): Message {
  const { key, value, headers } = mutatedRecord(chanceAt(SEED, index))
  return {
    key,
    value,
    partition: index % PARTITIONS,
    ...(headers && { headers: headers as NonNullable<Message['headers']> }),
  }
}

function isAsSent(record: PlacedRecord): boolean {
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

async function recordsOf(settings: KafkaSettings): Promise<PlacedRecord[]> {
  const records: PlacedRecord[] = []
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

/** By where the original stands. */
async function lettersOf(settings: KafkaSettings): Promise<Expected['rejected']> {
  const records = await recordsOf({ ...settings, topic: settings.deadLetterTopic })
  return new Map(
    records.map((record) => {
      const header = (name: string) => String([record.headers?.[name]].flat().at(-1))
      const place = `${header('__connect.errors.partition')}/${header('__connect.errors.offset')}`
      return [place, { ...bytesOf(record), reason: header('group-traits.reason') }]
    }),
  )
}

async function expectState(environment: Environment, { groups }: Expected): Promise<void> {
  const redis = redisOf(environment)
  for (const state of groups.values()) {
    const view = await readGroup(redis, state.groupId, 1_000_000)
    expect(view && readViewOf(view)).toEqual(viewOf(state))
  }
  // each group has its clocks, whatever else it has
  const keys = await redis.client.call('KEYS', `${redis.settings.groupPrefix}*:clock`)
  expect(keys).toHaveLength(groups.size)
}

function redisOf({ REDIS_GROUP_PREFIX: groupPrefix = '' }: Environment): RedisConnection {
  const redis = openTestRedis(inject('redisUrl'), { groupPrefix })
  onTestFinished(() => redis.close())
  return redis
}
