/** Topics that are deleted and recreated under the same name: only their ids differ. */
import { expect, test } from 'vitest'
import { clusterOf } from '../../../src/kafka/client/kafkajs.ts'
import type { KafkaSettings } from '../../../src/kafka/client/settings.ts'
import { readOffsets } from '../../../src/kafka/topics/offsets.ts'
import { topicIdOf } from '../../../src/kafka/wire/metadata-request.ts'
import type { BatchContext } from '../../../src/pipeline/ports.ts'
import {
  consume,
  makeTopic,
  plainClient,
  produce,
  settingsFor,
  withAdmin,
} from '../../setup/kafka/topics.ts'
import { silentLog } from '../../setup/logs.ts'
import { until } from '../../setup/waiting.ts'

test('a topic keeps its id when partitions are added, and has another one when it is recreated', async () => {
  const settings = settingsFor()
  await makeTopic(settings)
  const first = await idOf(settings)
  expect(first).toMatch(/^[\w-]{22}$/)
  const topicPartitions = [{ topic: settings.topic, count: 2 }]
  await withAdmin(settings, (admin) => admin.createPartitions({ topicPartitions }))
  expect(await idOf(settings)).toBe(first)
  await recreateTopic(settings)
  const second = await idOf(settings)
  expect(second).toMatch(/^[\w-]{22}$/)
  expect(second).not.toBe(first)
})

test('commits of workers carry the id of their topic', async () => {
  const settings = settingsFor()
  await makeTopic(settings)
  await produce(settings, messages('a', 3))
  consume(settings)
  await until('it is committed', async () => (await commitOf(settings)).offset === '3')
  expect(await commitOf(settings)).toEqual({
    offset: '3',
    metadata: `group-traits ${await idOf(settings)}`,
  })
  expect(await readOffsets(settings, silentLog)).toEqual([
    { partition: 0, start: 0n, end: 3n, next: 3n, committed: 3n },
  ])
})

test('a worker’s commit counts if it names this topic or none, and one set by hand is no worker’s', async () => {
  const settings = settingsFor()
  await makeTopic(settings)
  await produce(settings, messages('a', 5))
  const id = await idOf(settings)
  for (const [metadata, next, committed] of [
    [`group-traits ${id}`, 2n, 2n],
    ['group-traits', 2n, 2n],
    ['', 2n, undefined],
    ['group-traits ABEiM0RVZneImaq7zN3u_w', 0n, undefined],
  ] as const) {
    await setOffset(settings, '2', metadata)
    const offsets = await readOffsets(settings, silentLog)
    expect(offsets, metadata).toMatchObject([{ next, committed }])
  }
})

test('a consumer reads from the beginning where the commit is of a former topic', async () => {
  const settings = settingsFor()
  await makeTopic(settings)
  await produce(settings, messages('a', 3))
  // at the end of the topic, where no fetch would return a record that shows the mistake
  await setOffset(settings, '3', 'group-traits ABEiM0RVZneImaq7zN3u_w')
  const { values } = consume(settings)
  await until('all of it is read', () => values().length >= 3)
  expect(values()).toEqual(['a0', 'a1', 'a2'])
})

test('a consumer with a batch in flight commits for the former topic, then reads the new one', async () => {
  const settings = { ...settingsFor(), sessionTimeoutMs: 6000 }
  await makeTopic(settings)
  await produce(settings, messages('a', 5))
  const gates = { a5: gate(), b: gate() }
  const { values, lines, events } = consume(settings, async (batch, context) => {
    const texts = batch.records.map(({ value }) => value?.toString())
    if (texts.includes('a5')) await gates.a5.pass(context)
    else if (texts.some((text) => text?.startsWith('b'))) await gates.b.pass(context)
  })
  await until('the first are committed', async () => (await commitOf(settings)).offset === '5')
  await produce(settings, messages('a', 6).slice(5))
  await gates.a5.isReached
  const former = await idOf(settings)
  await recreateTopic(settings)
  await produce(settings, messages('b', 20))
  gates.a5.open()
  await until('it has committed for the former topic', async () => {
    return (await commitOf(settings)).metadata === `group-traits ${former}`
  })
  expect(await readOffsets(settings, silentLog)).toMatchObject([{ next: 0n, committed: undefined }])
  gates.b.open()
  const newValues = () => new Set(values().filter((value) => value?.startsWith('b')))
  await until('all of the new topic is read', () => newValues().size === 20)
  await until(
    'and committed',
    async () => (await readOffsets(settings, silentLog))[0]?.next === 20n,
  )
  expect(lines).toMatchObject([
    { level: 'info', message: expect.stringContaining('joined the consumer group') },
    { level: 'warn', message: expect.stringMatching(/recreated/) },
    { level: 'info', message: expect.stringContaining('joined the consumer group') },
  ])
  expect(events.filter(({ kind }) => kind !== 'assigned')).toEqual([])
}, 60_000)

/** Holds batches until it is opened, and sends heartbeats meanwhile. */
function gate() {
  const reached = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<void>()
  const pass = async (context: BatchContext) => {
    reached.resolve()
    const heartbeats = setInterval(() => context.heartbeat().catch(() => {}), 500)
    await opened.promise.finally(() => clearInterval(heartbeats))
  }
  return { pass, open: opened.resolve, isReached: reached.promise }
}

async function idOf({ brokers, topic }: KafkaSettings): Promise<string | undefined> {
  return await withAdmin({ brokers }, async (admin) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    return topicIdOf(topics[0]?.partitions)
  })
}

async function commitOf({ brokers, topic, groupId }: KafkaSettings) {
  return await withAdmin({ brokers }, async (admin) => {
    const [group] = await admin.fetchOffsets({ groupId, topics: [topic] })
    const { offset, metadata } = group?.partitions[0] ?? {}
    return { offset, metadata }
  })
}

/** Commits without joining: Kafka allows that while the group has no members. */
async function setOffset(settings: KafkaSettings, offset: string, metadata: string) {
  const { topic, groupId } = settings
  const cluster = clusterOf(plainClient(settings))
  await cluster.connect()
  try {
    await cluster.addTargetTopic(topic)
    const coordinator = (await cluster.findGroupCoordinator({ groupId })) as unknown as {
      offsetCommit(request: object): Promise<void>
    }
    const topics = [{ topic, partitions: [{ partition: 0, offset, metadata }] }]
    await coordinator.offsetCommit({ groupId, memberId: '', groupGenerationId: -1, topics })
  } finally {
    await cluster.disconnect()
  }
}

async function recreateTopic(settings: KafkaSettings): Promise<void> {
  const { topic } = settings
  await withAdmin(settings, async (admin) => {
    await admin.deleteTopics({ topics: [topic] })
    await until('it is gone', async () => !(await admin.listTopics()).includes(topic))
  })
  await makeTopic(settings)
}

function messages(prefix: string, count: number) {
  return Array.from({ length: count }, (_, index) => ({ value: `${prefix}${index}` }))
}
