import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Abandoned } from '../../../src/pipeline/errors.ts'
import {
  beginTransactions,
  committed,
  consume,
  makeTopic,
  produce,
  settingsFor,
  withAdmin,
} from '../../setup/kafka/topics.ts'
import { until } from '../../setup/waiting.ts'

/** Node emits each kind of warning once per process, so this collects those of all tests here. */
const warnings: string[] = []
process.on('warning', ({ name }) => warnings.push(name))

test('every record is read and committed, whatever its key, value and headers are', async () => {
  const settings = settingsFor()
  await makeTopic(settings)
  await produce(settings, [
    { key: null, value: 'no key' },
    { key: '', value: '' },
    { key: Buffer.from([0xff, 0]), value: null },
    { key: 'k', value: 'v', headers: { constructor: ['x', 'y'] }, timestamp: '1600000000000' },
  ])
  const { records } = consume(settings)
  await until('all are read', () => records.length === 4)
  expect(records.map(({ offset, key, value }) => [offset, key, value])).toEqual([
    ['0', null, Buffer.from('no key')],
    ['1', Buffer.alloc(0), Buffer.alloc(0)],
    ['2', Buffer.from([0xff, 0]), null],
    ['3', Buffer.from('k'), Buffer.from('v')],
  ])
  expect(records[3]?.timestamp).toBe('1600000000000')
  expect(Object.entries(records[3]?.headers ?? {})).toEqual([
    ['constructor', [Buffer.from('x'), Buffer.from('y')]],
  ])
  await expect.poll(() => committed(settings), { timeout: 5000 }).toEqual({ 0: '4' })
})

test('only committed transactions are read, and the committed offset is after their control records', async () => {
  const settings = settingsFor()
  const { topic } = settings
  await makeTopic(settings)
  const [a, b, c] = await beginTransactions(settings, 3)
  const send = (transaction: typeof a, value: string) =>
    transaction?.send({ topic, messages: [{ value }] })
  await send(b, 'aborted by b')
  await send(a, 'aborted by a')
  await send(c, 'committed by c')
  await send(b, 'aborted by b')
  await a?.abort()
  await c?.commit()
  await send(b, 'aborted by b')
  await b?.abort()

  const { consumer, values } = consume(settings)
  await until('all is read', () => consumer.state().partitions[0]?.lag === 0n)
  expect(values()).toEqual(['committed by c'])
  // five records and three control records
  await expect.poll(() => committed(settings), { timeout: 5000 }).toEqual({ 0: '8' })
})

test('the offset after control records at the end is committed, so that there is no lag', async () => {
  const settings = settingsFor()
  await makeTopic(settings)
  const [transaction] = await beginTransactions(settings, 1)
  const { consumer, values } = consume(settings)
  await until('the consumer reads', () => consumer.state().isReading)
  await transaction?.send({ topic: settings.topic, messages: [{ value: 'aborted' }] })
  await transaction?.abort()
  await expect.poll(() => committed(settings), { timeout: 5000 }).toEqual({ 0: '2' })
  expect(values()).toEqual([])
})

test('a seek rewinds the partition, also in the middle of a batch', async () => {
  const settings = settingsFor()
  await makeTopic(settings)
  await produce(settings, [{ value: 'a' }, { value: 'b' }])
  let isRewound = false
  const { consumer, values } = consume(settings, async ({ records }) => {
    if (isRewound || records.at(-1)?.offset !== '3') return
    isRewound = true
    consumer.seek(0, 1n)
  })
  await until('the first are read', () => values().length === 2)
  await produce(settings, [{ value: 'c' }, { value: 'd' }])
  await until('the records are redelivered', () => values().length === 7)
  expect(values()).toEqual(['a', 'b', 'c', 'd', 'b', 'c', 'd'])
  consumer.seek(0, 3n)
  await until(
    'the last record is redelivered while the consumer is idle',
    () => values().length === 8,
  )
  consumer.seek(5, 0n)
})

test('two consumers share the partitions, and one takes over when the other stops', async () => {
  const settings = settingsFor()
  await makeTopic(settings, 4)
  const first = consume(settings)
  await until('the first has all partitions', () => first.consumer.state().partitions.length === 4)
  const second = consume(settings)
  await until(
    'each has two',
    () =>
      first.consumer.state().partitions.length === 2 &&
      second.consumer.state().partitions.length === 2,
  )
  const messages = Array.from({ length: 40 }, (_, i) => ({ partition: i % 4, value: `${i}` }))
  await produce(settings, messages)
  await until('all are read', () => first.records.length + second.records.length >= 40)
  const partitionsOf = ({ records }: typeof first) => new Set(records.map((r) => r.partition))
  expect(partitionsOf(first).size).toBe(2)
  expect(partitionsOf(second).size).toBe(2)

  await first.consumer.stop(5000)
  expect(await first.consumer.ended).toBeUndefined()
  await produce(settings, messages)
  await until('the second reads all', () => second.records.length >= 60)
  await expect
    .poll(() => committed(settings), { timeout: 5000 })
    .toEqual({ 0: '20', 1: '20', 2: '20', 3: '20' })
})

test('a batch that is in flight when the consumer stops is redelivered', async () => {
  const settings = settingsFor()
  await makeTopic(settings)
  await produce(settings, [{ value: 'once more' }])
  let begun = false
  const first = consume(settings, async (_, { signal, heartbeat }) => {
    begun = true
    while (!signal.aborted) {
      await heartbeat()
      await sleep(10)
    }
    throw new Abandoned('the consumer stops')
  })
  await until('it is in flight', () => begun)
  const startedAt = performance.now()
  await first.consumer.stop(5000)
  expect(performance.now() - startedAt).toBeLessThan(2000)
  const second = consume(settings)
  await until('it is redelivered', () => second.records.length === 1)
  expect(second.values()).toEqual(['once more'])
})

test('a stop keeps its deadline, even if a batch hangs', async () => {
  const settings = settingsFor()
  await makeTopic(settings)
  await produce(settings, [{ value: 'v' }])
  let begun = false
  const { consumer } = consume(settings, () => {
    begun = true
    return new Promise<void>(() => {})
  })
  await until('it hangs', () => begun)
  const startedAt = performance.now()
  await consumer.stop(500)
  expect(performance.now() - startedAt).toBeLessThan(1500)
})

test('an idle consumer stops at once', async () => {
  const settings = settingsFor()
  await makeTopic(settings)
  const { consumer } = consume(settings)
  await until('the consumer reads', () => consumer.state().isReading)
  const startedAt = performance.now()
  await consumer.stop(5000)
  expect(performance.now() - startedAt).toBeLessThan(1000)
  expect(await consumer.ended).toBeUndefined()
})

test('a bug in the processing of a batch ends the consumer, with partition and offset in the message', async () => {
  const settings = settingsFor()
  await makeTopic(settings)
  await produce(settings, [{ value: 'v' }])
  let calls = 0
  const { consumer } = consume(settings, async () => {
    calls++
    throw new TypeError('oops')
  })
  const failure = await consumer.ended
  expect(failure?.name).toBe('ConsumerFailed')
  expect(failure?.message).toBe(`the batch of ${settings.topic}/0 from offset 0 on hit a bug: oops`)
  expect(calls).toBe(1)
  expect(await committed(settings)).toEqual({ 0: '-1' })
})

test('offsets that the topic no longer has are logged as an error, and reading continues at the earliest record', async () => {
  const settings = settingsFor()
  const { topic, groupId } = settings
  await makeTopic(settings)
  await produce(settings, [{ value: 'lost' }, { value: 'kept' }])
  await withAdmin(settings, async (admin) => {
    await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '0' }] })
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '1' }] })
  })
  const { values, lines, events } = consume(settings)
  await until('the rest is read', () => values().length === 1)
  expect(values()).toEqual(['kept'])
  const errors = () => lines.filter(({ level }) => level === 'error')
  await until('it is logged', () => errors().length > 0)
  expect(errors().map(({ message }) => message)).toEqual([
    expect.stringContaining('offsets 0 to 0 are not in the state'),
  ])
  expect(events).toContainEqual({ kind: 'reset', partition: 0 })
})

test('kafkajs causes no warnings on stderr, and needs little CPU while idle', async () => {
  const settings = settingsFor()
  await makeTopic(settings)
  const { consumer, records } = consume(settings)
  await produce(settings, [{ value: 'v' }])
  await until('it is read', () => records.length === 1)
  const before = process.cpuUsage()
  await sleep(1000)
  const { user, system } = process.cpuUsage(before)
  expect(user + system).toBeLessThan(300_000)
  await consumer.stop(5000)
  expect(warnings).toEqual([])
})
