import { setTimeout as delay } from 'node:timers/promises'
import kafkajs, { type KafkaMessage } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDecoder } from '../../../src/domain/event/decode.ts'
import { createGateway } from '../../../src/http/gateway.ts'
import type { HttpServer } from '../../../src/http/server.ts'
import { createPublisher, type Publisher } from '../../../src/kafka/producer/publisher.ts'
import { DEFAULT_RULES } from '../../setup/domain/decode-rules.ts'
import { settingsFor } from '../../setup/kafka/topics.ts'
import { silentLog } from '../../setup/logs.ts'

const settings = settingsFor()
const { topic } = settings
const { decodeValue } = createDecoder(DEFAULT_RULES)

const kafka = new kafkajs.Kafka({ brokers: settings.brokers as string[], logLevel: 0 })
const admin = kafka.admin()
const consumer = kafka.consumer({ groupId: topic, maxWaitTimeInMs: 100 })
const records: KafkaMessage[] = []

beforeAll(async () => {
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      records.push(message)
    },
  })
})

const closing: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const close of closing) await close()
  await consumer.disconnect()
  await admin.deleteTopics({ topics: [topic] })
  await admin.disconnect()
})

async function start(brokers: readonly string[]): Promise<string> {
  const publisher: Publisher = createPublisher({ ...settings, brokers }, silentLog, {
    timeoutMs: 1500,
  })
  const gateway: HttpServer = createGateway({
    host: '127.0.0.1',
    port: 0,
    log: silentLog,
    decode: decodeValue,
    publish: (key, value) => publisher.publish([{ key, value }]),
    health: () => ({ live: true, ready: true, parts: [] }),
    metrics: async () => ({ contentType: 'text/plain', body: '' }),
    onAnswer: () => {},
    now: Date.now,
    maxEventBytes: 1_048_576,
  })
  closing.push(async () => {
    await gateway.close()
    await publisher.close()
  })
  const { url } = await gateway.listen()
  return url
}

async function post(url: string, body: string): Promise<number> {
  const response = await fetch(`${url}/group`, { method: 'POST', body })
  await response.body?.cancel()
  return response.status
}

test('an event that was answered with 200 is in the topic: byte for byte, keyed by its group', async () => {
  const url = await start(settings.brokers)
  const event = `{ "group_id":"grüße 🚀", "user_id":7,\n "traits":{"n":1.10,"n":9007199254740993},"timestamp":"20-11-23T22:28:55.111Z"}`
  expect(await post(url, event)).toBe(200)
  await expect.poll(() => records.length, { timeout: 10_000 }).toBe(1)
  expect(records[0]?.value?.toString()).toBe(event)
  expect(records[0]?.key?.toString()).toBe('grüße 🚀')
})

test('of many concurrent events, exactly the valid ones are in the topic', async () => {
  const url = await start(settings.brokers)
  const before = records.length
  const statuses = await Promise.all(
    Array.from({ length: 200 }, (_, index) => {
      const groupId = index % 4 === 0 ? '""' : `"many-${index}"`
      const event = `{"group_id":${groupId},"user_id":"u","traits":{},"timestamp":"2020-01-01"}`
      return post(url, event)
    }),
  )
  const valid = statuses.flatMap((status, index) => (status === 200 ? [`many-${index}`] : []))
  expect(valid).toHaveLength(150)
  expect(new Set(statuses)).toEqual(new Set([200, 400]))
  await expect.poll(() => records.length - before, { timeout: 10_000 }).toBe(150)
  const keys = records.slice(before).map(({ key }) => String(key))
  expect(new Set(keys)).toEqual(new Set(valid))
})

test('without Kafka, the answer is 503 within a bounded time', async () => {
  const url = await start(['127.0.0.1:1'])
  const event = '{"group_id":"g","user_id":"u","traits":{},"timestamp":"2020-01-01"}'
  const answered = await Promise.race([post(url, event), delay(5000, 'nothing')])
  expect(answered).toBe(503)
})
