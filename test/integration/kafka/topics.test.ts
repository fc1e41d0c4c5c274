import { expect, test } from 'vitest'
import {
  checkPublishing,
  checkTopics,
  ensureDeadLetterTopic,
} from '../../../src/kafka/topics/topics.ts'
import { NotRetriable, Unavailable } from '../../../src/pipeline/errors.ts'
import { makeTopic, settingsFor, withAdmin } from '../../setup/kafka/topics.ts'
import { recordLog, silentLog } from '../../setup/logs.ts'

test('a missing topic is NotRetriable, with the command that creates it', async () => {
  const settings = settingsFor()
  const command = `--create --topic ${settings.topic} --partitions 6`
  for (const check of [checkTopics, checkPublishing, ensureDeadLetterTopic]) {
    const error: unknown = await check(settings, silentLog).catch((failure: unknown) => failure)
    expect(error).toBeInstanceOf(NotRetriable)
    expect(String(error)).toContain(command)
  }
})

test('an existing topic passes the checks, which write nothing', async () => {
  const settings = settingsFor()
  const log = recordLog()
  await makeTopic(settings)
  await checkTopics(settings, log)
  await checkPublishing(settings, log)
  expect(log.lines).toEqual([])
  const [offsets] = await withAdmin(settings, (admin) => admin.fetchTopicOffsets(settings.topic))
  expect(offsets?.high).toBe('0')
})

test('a compacted topic causes a warning', async () => {
  const settings = settingsFor()
  const log = recordLog()
  await makeTopic(settings, 1, { 'cleanup.policy': 'compact' })
  await checkTopics(settings, log)
  expect(log.lines).toMatchObject([
    { level: 'warn', message: expect.stringContaining('compacted') },
  ])
})

test('the dead-letter topic is created with deletion off, and with as many partitions as the topic', async () => {
  const settings = settingsFor()
  const log = recordLog()
  await makeTopic(settings, 3)
  await Promise.all([ensureDeadLetterTopic(settings, log), ensureDeadLetterTopic(settings, log)])
  await ensureDeadLetterTopic(settings, log)
  expect(log.lines).toMatchObject([{ level: 'info', message: expect.stringContaining('created') }])
  const topic = settings.deadLetterTopic
  const described = await withAdmin(settings, async (admin) => ({
    metadata: await admin.fetchTopicMetadata({ topics: [topic] }),
    configs: await admin.describeConfigs({
      resources: [{ type: 2, name: topic }],
      includeSynonyms: false,
    }),
  }))
  expect(described.metadata.topics[0]?.partitions).toHaveLength(3)
  const entries = described.configs.resources[0]?.configEntries ?? []
  const config = Object.fromEntries(entries.map((entry) => [entry.configName, entry.configValue]))
  expect(config).toMatchObject({
    'cleanup.policy': 'delete',
    'retention.ms': '-1',
    'max.message.bytes': String(16 * 1024 * 1024),
  })
})

test('a dead-letter topic that deletes records, or rejects large ones, causes warnings', async () => {
  const settings = settingsFor()
  const log = recordLog()
  await makeTopic(settings)
  await makeTopic(settings, 1, { 'retention.ms': '1000' }, settings.deadLetterTopic)
  await ensureDeadLetterTopic(settings, log)
  expect(log.lines).toMatchObject([
    { level: 'warn', message: expect.stringContaining('deletes dead letters') },
    { level: 'warn', message: expect.stringContaining('1048588 bytes at most') },
  ])
})

test('unreachable brokers are an outage', async () => {
  const settings = settingsFor(['127.0.0.1:1'])
  for (const check of [checkTopics, checkPublishing, ensureDeadLetterTopic]) {
    await expect(check(settings, silentLog)).rejects.toBeInstanceOf(Unavailable)
  }
})
