import { expect, test } from 'vitest'
import type { KafkaSettings } from '../../../src/kafka/client/settings.ts'
import { type ScanOptions, scanTopic } from '../../../src/kafka/topics/scan.ts'
import {
  beginTransactions,
  committed,
  makeTopic,
  produce,
  settingsFor,
  withAdmin,
} from '../../setup/kafka/topics.ts'
import { silentLog as log } from '../../setup/logs.ts'

test('every record of the topic is read once, and nothing is committed', async () => {
  const settings = settingsFor()
  await makeTopic(settings, 3)
  const messages = Array.from({ length: 600 }, (_, i) => ({ partition: i % 2, value: `${i}` }))
  await produce(settings, messages)
  const seen = await scan(settings)
  expect(seen.map(({ value }) => Number(value)).sort((a, b) => a - b)).toEqual(
    messages.map((_, i) => i),
  )
  expect(await committed(settings)).toEqual({ 0: '-1', 1: '-1', 2: '-1' })
  const { groups } = await withAdmin(settings, (admin) => admin.listGroups())
  expect(groups.filter(({ groupId }) => groupId.startsWith(settings.groupId))).toEqual([])
})

test('a range of one partition, down to one record, is read exactly', async () => {
  const settings = settingsFor()
  await makeTopic(settings, 2)
  await produce(
    settings,
    Array.from({ length: 20 }, (_, i) => ({ partition: i % 2, value: `${i}` })),
  )
  const one = { bounds: new Map([[1, { from: 3n, to: 4n }]]) }
  expect(await scan(settings, one)).toEqual([{ partition: 1, offset: '3', value: '7' }])
  const rest = { bounds: new Map([[0, { from: 8n, to: 100n }]]) }
  expect((await scan(settings, rest)).map(({ value }) => value)).toEqual(['16', '18'])
  expect(await scan(settings, { bounds: new Map([[0, { from: 10n }]]) })).toEqual([])
})

test('each partition is read within its own bounds, and one without bounds is not read', async () => {
  const settings = settingsFor()
  await makeTopic(settings, 4)
  await produce(
    settings,
    Array.from({ length: 40 }, (_, i) => ({ partition: i % 4, value: `${i}` })),
  )
  const bounds = new Map([
    [0, { to: 2n }],
    [1, { from: 8n }],
    [2, { from: 4n, to: 5n }],
  ])
  const seen = await scan(settings, { bounds })
  const offsetsOf = (partition: number) =>
    seen.filter((record) => record.partition === partition).map(({ offset }) => offset)
  expect([0, 1, 2, 3].map(offsetsOf)).toEqual([['0', '1'], ['8', '9'], ['4'], []])
})

test('a scan of an empty topic ends', async () => {
  const settings = settingsFor()
  await makeTopic(settings, 2)
  expect(await scan(settings)).toEqual([])
})

test('a scan ends also after control records, an aborted transaction and an open one', async () => {
  const settings = settingsFor()
  const { topic } = settings
  await makeTopic(settings)
  const [a, b, c] = await beginTransactions(settings, 3)
  await a?.send({ topic, messages: [{ value: 'committed' }] })
  await a?.commit()
  await b?.send({ topic, messages: [{ value: 'aborted' }] })
  await b?.abort()
  await c?.send({ topic, messages: [{ value: 'open' }] })
  expect((await scan(settings)).map(({ value }) => value)).toEqual(['committed'])
  await c?.abort()
  expect((await scan(settings)).map(({ value }) => value)).toEqual(['committed'])
})

test('an error of onRecords ends the scan, and so does the signal', async () => {
  const settings = settingsFor()
  await makeTopic(settings)
  await produce(settings, [{ value: 'v' }])
  const enough = new Error('enough')
  const onRecords = () => {
    throw enough
  }
  await expect(scanTopic({ settings, log, onRecords })).rejects.toBe(enough)

  const stopping = new AbortController()
  const endless = scanTopic({
    settings,
    log,
    signal: stopping.signal,
    onRecords: () => stopping.abort(enough),
  })
  await expect(endless).rejects.toBe(enough)
})

async function scan(settings: KafkaSettings, options: Partial<ScanOptions> = {}) {
  const seen: { partition: number; offset: string; value: string | undefined }[] = []
  await scanTopic({
    settings,
    log,
    ...options,
    onRecords: (partition, records) => {
      for (const { offset, value } of records) {
        seen.push({ partition, offset, value: value?.toString() })
      }
    },
  })
  return seen
}
