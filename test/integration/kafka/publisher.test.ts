import { expect, onTestFinished, test } from 'vitest'
import type { KafkaSettings } from '../../../src/kafka/client/settings.ts'
import {
  createPublisher,
  type Publisher,
  RecordRejected,
} from '../../../src/kafka/producer/publisher.ts'
import { Unavailable } from '../../../src/pipeline/errors.ts'
import { consume, makeTopic, settingsFor } from '../../setup/kafka/topics.ts'
import { silentLog as log } from '../../setup/logs.ts'
import { until } from '../../setup/waiting.ts'

test('once publish resolves, a record is in the topic with its key, value, headers and timestamp', async () => {
  const settings = settingsFor()
  await makeTopic(settings)
  const record = {
    key: 'k',
    value: Buffer.from([0, 255]),
    headers: { h: ['1', '2'] },
    timestamp: '1600000000000',
  }
  await publisher(settings).publish([record, { key: null, value: null }])
  const { records } = consume(settings)
  await until('they are read', () => records.length === 2)
  expect(records[0]).toMatchObject({
    key: Buffer.from('k'),
    value: record.value,
    timestamp: record.timestamp,
  })
  expect({ ...records[0]?.headers }).toEqual({ h: [Buffer.from('1'), Buffer.from('2')] })
  expect(records[1]).toMatchObject({ key: null, value: null })
})

test('a thousand calls at once need few requests, and no record is lost', async () => {
  const settings = settingsFor()
  await makeTopic(settings)
  const { publish } = publisher(settings)
  const startedAt = performance.now()
  await Promise.all(
    Array.from({ length: 1000 }, (_, i) => publish([{ key: `${i}`, value: `v${i}` }])),
  )
  expect(performance.now() - startedAt).toBeLessThan(2000)
  const { values } = consume(settings)
  await until('all are read', () => values().length === 1000)
  expect(values()).toEqual(Array.from({ length: 1000 }, (_, i) => `v${i}`))
})

test('a call that is larger than a request is sent in several, in order', async () => {
  const settings = settingsFor()
  await makeTopic(settings)
  const records = Array.from({ length: 30 }, (_, i) => ({
    key: null,
    value: `${i}:${'x'.repeat(100_000)}`,
  }))
  await publisher(settings).publish(records)
  const { values } = consume(settings)
  await until('all are read', () => values().length === 30)
  expect(values().map((value) => value?.split(':')[0])).toEqual(records.map((_, i) => `${i}`))
})

test('a record that is too large is named, and other calls succeed', async () => {
  const settings = settingsFor()
  await makeTopic(settings, 1, { 'max.message.bytes': '200000' })
  const { publish } = publisher(settings)
  const small = (value: string) => ({ key: null, value })
  const [, rejected, other] = await Promise.allSettled([
    publish([small('first')]),
    publish([small('a'), small('b'), small('x'.repeat(300_000)), small('c')]),
    publish([small('other')]),
  ])
  expect(rejected.status).toBe('rejected')
  const error: unknown = rejected.status === 'rejected' && rejected.reason
  expect(error).toBeInstanceOf(RecordRejected)
  expect(error).toMatchObject({ index: 2, reason: 'size' })
  expect(other.status).toBe('fulfilled')
  const { values } = consume(settings)
  await until(
    'the records before it, and those of the other calls, are read',
    () => values().length === 4,
  )
  expect(values().toSorted()).toEqual(['a', 'b', 'first', 'other'])
})

test('a call fails at its deadline if Kafka is away', async () => {
  const settings = settingsFor(['127.0.0.1:1'])
  const startedAt = performance.now()
  const call = publisher(settings, 500).publish([{ key: null, value: 'v' }])
  await expect(call).rejects.toBeInstanceOf(Unavailable)
  expect(performance.now() - startedAt).toBeLessThan(1500)
})

test('an outage is reported while the call still waits', async () => {
  const settings = settingsFor(['127.0.0.1:1'])
  const { promise: reported, resolve: onOutage } = Promise.withResolvers<Unavailable>()
  const created = createPublisher(settings, log, { timeoutMs: 60_000, onOutage })
  onTestFinished(() => created.close())
  const call = created.publish([{ key: null, value: 'v' }], 4000)
  const ended = call.then(() => 'sent').catch(() => 'expired')
  expect(await Promise.race([reported, ended])).toMatchObject({
    name: 'Unavailable',
    message: expect.stringContaining('ECONNREFUSED'),
  })
  expect(await ended).toBe('expired')
})

test('a call beyond the limit of waiting bytes fails at once', async () => {
  const settings = settingsFor(['127.0.0.1:1'])
  const { publish } = publisher(settings, 500, 10_000)
  const first = publish([{ key: null, value: 'x'.repeat(9000) }])
  const second = publish([{ key: null, value: 'x'.repeat(9000) }])
  await expect(second).rejects.toThrow('wait for Kafka already')
  await expect(first).rejects.toBeInstanceOf(Unavailable)
})

function publisher(settings: KafkaSettings, timeoutMs = 10_000, maxWaitingBytes = 1e9): Publisher {
  const created = createPublisher(settings, log, { timeoutMs, maxWaitingBytes })
  onTestFinished(() => created.close())
  return created
}
