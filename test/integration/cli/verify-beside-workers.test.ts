import { once } from 'node:events'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type Verdict, verify } from '../../../src/app/verify/verification.ts'
import { openRedis } from '../../../src/redis/connection/connection.ts'
import { type Environment, ownEnvironment, start } from '../../setup/cli/command-line.ts'
import { runCli } from '../../setup/cli/run-cli.ts'
import { beginTransactions, produce, withAdmin } from '../../setup/kafka/topics.ts'
import { silentLog as log } from '../../setup/logs.ts'
import { until } from '../../setup/waiting.ts'
import { startWorker } from '../../setup/worker/test-worker.ts'
import {
  configOf,
  event,
  keyOf,
  makeVerifiedTopic,
  runVerify,
  someEvents,
  type VerifiedTopic,
} from './verified-topic.ts'

let redis: Redis
beforeAll(() => {
  redis = new Redis(inject('redisUrl'), { protocol: 2 })
})
afterAll(() => redis.quit())

test('while workers write, verify finds planted differences and no others', async () => {
  const topic = await makeVerifiedTopic()
  const worker = startWorker(topic.environment)
  await worker.said('joined')
  const loading = new AbortController()
  const load = sendUntil(topic, loading.signal)
  await until('some events are merged', () => redis.exists(keyOf(topic, 'group7')))
  let said = ''
  for (let i = 0; i < 3; i++) {
    const { exitCode, verdict, stderr } = await runVerify(topic.environment)
    said += stderr
    expect(verdict.differences).toEqual({ groups: 0, count: 0, first: [] })
    expect(exitCode).toBe(0)
    expect(verdict.groups).toBeGreaterThan(10)
  }
  expect(said).toContain('checking the differences a second time')
  await redis.hset(keyOf(topic, 'group7'), 'planted', 'x')
  await redis.hset(keyOf(topic, 'planted'), 'name', 'x')
  const { verdict } = await runVerify(topic.environment)
  loading.abort()
  await load
  expect(verdict.differences.first.map(({ group, name }) => [group, name]).sort()).toEqual([
    ['group7', 'planted'],
    ['planted', ''],
  ])
}, 90_000)

describe('passes', () => {
  test('several small passes find the same as a single one', async () => {
    const topic = await makeVerifiedTopic()
    await topic.send(someEvents(800, 120))
    startWorker(topic.environment)
    await topic.caughtUp()
    const changed = ['group3', 'group50', 'group77']
    for (const id of changed) await redis.hset(keyOf(topic, id), 'planted', 'x')
    await redis.del(`${keyOf(topic, 'group9')}:members`)
    await redis.zadd(`${keyOf(topic, 'nobody')}:left`, 1, 'x')

    const one = await verifyIn(topic, 64 * 1024 * 1024)
    const several = await verifyIn(topic, 20_000)
    expect(one.passes).toBe(1)
    expect(several.passes).toBeGreaterThan(4)
    expect(several.groups).toBe(120)
    expect(several.differences).toMatchObject({ groups: 5, count: one.differences.count })
    const inOrder = ({ differences }: Verdict) =>
      differences.first.map((each) => JSON.stringify(each)).sort()
    expect(inOrder(several)).toEqual(inOrder(one))
  })

  test('a single group may take more memory than the bound', async () => {
    const topic = await makeVerifiedTopic()
    await topic.send(someEvents(400, 2))
    startWorker(topic.environment)
    await topic.caughtUp()
    expect(await verifyIn(topic, 100)).toMatchObject({ groups: 2, differences: { count: 0 } })
  })
})

test('if the topic lost records, verify says so and reports only what Redis lacks', async () => {
  const topic = await makeVerifiedTopic()
  await topic.send([event('old', 'ann', { plan: 'pro' }), event('acme', 'ann', { plan: 'pro' })])
  await topic.send([event('acme', 'ann', { size: 5 }), event('acme', 'bob', { seats: 7 })])
  startWorker(topic.environment)
  await topic.caughtUp()
  const partitions = [0, 1].map((partition) => ({ partition, offset: '1' }))
  await withAdmin(topic.settings, async (admin) => {
    const { topic: name } = topic.settings
    await admin.fetchTopicOffsets(name) // kafkajs deletes records only of a topic whose leaders it knows
    await admin.deleteTopicRecords({ topic: name, partitions })
  })
  const { exitCode, stdout } = await runCli(['verify'], topic.environment)
  expect(exitCode).toBe(0)
  expect(stdout).toContain('The first 2 records of topic')
  expect(stdout).toContain('First offsets by partition: 0 (1), 1 (1).')
  expect(stdout).toMatch(/^old +the group +nothing +a group$/m)
  expect(stdout).toMatch(/^acme +trait plan +nothing +"pro"/m)

  await redis.hdel(keyOf(topic, 'acme'), 'size')
  await redis.hdel(`${keyOf(topic, 'acme')}:clock`, 'size')
  const { verdict } = await runVerify(topic.environment)
  expect(verdict.differences.first).toEqual([
    expect.objectContaining({ group: 'acme', kind: 'trait', name: 'size', found: null }),
  ])
  expect(verdict.unverifiable.groups).toBe(2)
  expect(verdict.unknowable.removed).toEqual({ 0: 1, 1: 1 })
})

test('for a compacted topic, verify says that older records may be gone', async () => {
  const topic = await makeVerifiedTopic({}, { 'cleanup.policy': 'compact' })
  await topic.send([event('acme', 'ann', { plan: 'pro' })])
  startWorker(topic.environment)
  await topic.caughtUp()
  await redis.hset(`${keyOf(topic, 'old')}:clock`, '', '1704067200000000')
  const { exitCode, verdict } = await runVerify(topic.environment)
  expect(verdict.unknowable.isCompacted).toBe(true)
  expect(verdict.unverifiable.first).toMatchObject([{ group: 'old', kind: 'group' }])
  expect(exitCode).toBe(0)
})

test('a record without a usable time makes its group unverifiable, not different', async () => {
  // otherwise retention may delete a record from 1970 before the worker reads it
  const topic = await makeVerifiedTopic({}, { 'retention.ms': '-1' })
  // the erasure is as of the time at which the worker reads it
  const headers = { 'group-traits.erase': '' }
  await produce(topic.settings, [{ key: 'acme', value: null, headers, timestamp: '1000' }])
  startWorker(topic.environment)
  await topic.caughtUp()
  const { exitCode, stdout } = await runCli(['verify'], topic.environment)
  expect(stdout).toMatch(/^acme +latest clock +20.*Z +20.*Z$/m)
  expect(stdout).toContain('a record without a usable timestamp')
  expect(exitCode).toBe(0)
})

test('a missing topic is an error, not an outage', async () => {
  const { exitCode, stderr } = await runCli(['verify'], ownEnvironment())
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(/^error: .*topic cli-test-\w+ .*kafka-topics/m)
})

test('without workers, verify says so and compares nothing', async () => {
  const topic = await makeVerifiedTopic()
  await topic.send([event('acme', 'ann', { plan: 'pro' }), event('b', 'ann', {})])
  const { exitCode, stdout, stderr } = await runCli(['verify', '--timeout', '1'], topic.environment)
  expect(exitCode).toBe(1)
  expect(stdout).toBe('')
  expect(stderr).toMatch(/^waiting for the workers to catch up\nerror: no worker makes progress: /m)
  expect(stderr).toContain('a lag of 2 records and has not moved for 1 s')
})

test('transactions at the end of the topic, open or committed, are no lag', async () => {
  const topic = await makeVerifiedTopic()
  const { topic: name } = topic.settings
  const [done, open] = await beginTransactions(topic.settings, 2)
  const value = JSON.stringify(event('acme', 'ann', { plan: 'pro' }))
  await done?.send({ topic: name, messages: [{ value, partition: 0 }] })
  await done?.commit()
  startWorker(topic.environment)
  await until('the event is merged', () => redis.exists(keyOf(topic, 'acme')))
  await open?.send({ topic: name, messages: [{ value, partition: 0 }] })
  const { exitCode, verdict } = await runVerify(topic.environment)
  await open?.abort()
  expect(verdict).toMatchObject({ groups: 1, differences: { count: 0 } })
  expect(exitCode).toBe(0)
})

describe('Ctrl-C ends verify at once', () => {
  test('and no consumer group is left in Kafka', async () => {
    const topic = await makeVerifiedTopic()
    await topic.send(someEvents(10, 5))
    startWorker(topic.environment)
    await topic.caughtUp()
    await interrupt(topic.environment, 'pass 1: reading the topic\n')
    const { groups } = await withAdmin(topic.settings, (admin) => admin.listGroups())
    expect(groups.filter(({ groupId }) => groupId.includes(`${topic.settings.topic}.`))).toEqual([])
  })

  test('also while it waits for workers or Redis', async () => {
    const unread = await makeVerifiedTopic()
    await unread.send(someEvents(10, 5))
    await interrupt(unread.environment, 'waiting for the workers to catch up\n')
    const away = await makeVerifiedTopic({ REDIS_URL: 'redis://127.0.0.1:1' })
    await interrupt(away.environment, 'reading the offsets of the topic and of the workers\n')
  })
})

/** Interrupts verify once it prints this line. */
async function interrupt(environment: Environment, stage: string): Promise<void> {
  const child = start(['verify'], environment)
  let said = ''
  child.stderr?.on('data', (text) => {
    said += text
  })
  const exited = once(child, 'exit')
  await until(`it says ${stage}`, () => said.includes(stage))
  const interruptedMs = performance.now()
  for (let i = 0; i < 2; i++) child.kill('SIGINT') // npm delivers it twice
  expect(await exited).toEqual([130, null])
  expect(performance.now() - interruptedMs).toBeLessThan(5000)
  expect(said).toMatch(/interrupted: the state was not verified\n$/)
}

async function verifyIn(topic: VerifiedTopic, maxBytes: number): Promise<Verdict> {
  const { config } = configOf(topic.environment)
  const connection = openRedis(config.redis, log)
  try {
    return await verify({
      ...{ config, log, redis: connection, now: Date.now, maxBytes },
      signal: new AbortController().signal,
      limit: 100,
      workersTimeoutMs: 20_000,
      retry: { kafka: (attempt) => attempt(), redis: (attempt) => attempt() },
      onStep: () => {},
    })
  } finally {
    connection.close()
  }
}

/** Sends events of few groups, so that the same groups change all the time. */
async function sendUntil(topic: VerifiedTopic, signal: AbortSignal): Promise<void> {
  for (let round = 0; !signal.aborted; round++) await topic.send(someEvents(60, 30, round))
}
