import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { runCli } from '../../setup/cli/run-cli.ts'
import { spawnWorker, type WorkerProcess } from '../../setup/worker/worker-process.ts'
import { event, makeVerifiedTopic, runVerify, type VerifiedTopic } from './verified-topic.ts'

let redis: Redis
let topic: VerifiedTopic
let worker: WorkerProcess
beforeAll(async () => {
  redis = new Redis(inject('redisUrl'), { protocol: 2 })
  topic = await makeVerifiedTopic()
  await topic.send([
    event('acme', 'ann', { plan: 'pro', size: 250, seats: 250, old: 1 }),
    event('acme', 'bob', { old: null }, { timestamp: '2024-02-01T00:00:00.000001Z' }),
    event('acme', 'ann', {}, { assigned: false, timestamp: '2024-03-01' }),
    event('{}%\u0001', 'bob', { plan: 'free', address: { city: 'Oslo' } }),
    event('empty', 'ann', {}),
    { type: 'track', event: 'not ours' },
    { group_id: 'not an event' },
  ])
  worker = spawnWorker(topic.environment)
  await topic.caughtUp()
})
afterAll(async () => {
  await worker?.end('SIGTERM')
  await redis?.quit()
})

test('a state that agrees with the topic passes', async () => {
  const { exitCode, stdout, stderr } = await runCli(['verify'], topic.environment)
  expect(stdout).toBe(
    `3 groups compared, from 7 records of topic ${topic.environment.KAFKA_TOPIC}, in 1 pass: ` +
      'no difference\n',
  )
  expect(stderr).toBe(
    [
      'reading the offsets of the topic and of the workers',
      'pass 1: reading the topic',
      'pass 1: comparing with Redis',
      'checking the user index\n',
    ].join('\n'),
  )
  expect(exitCode).toBe(0)
  const { verdict } = await runVerify(topic.environment)
  expect(verdict).toEqual({
    groups: 3,
    passes: 1,
    ends: { 0: 4, 1: 3 },
    differences: { groups: 0, count: 0, first: [] },
    unverifiable: { groups: 0, count: 0, first: [] },
    unknowable: { removed: {}, isCompacted: false, unreadable: [] },
  })
})

const midnight = '1704067200000000'
const asOf = 'as of 2024-01-01T00:00:00.000000Z'
const later = String(Number(midnight) + 1)
/** Its name, what plants it, and the one finding that verify reports. */
const planted: [string, () => Promise<unknown>, object][] = [
  [
    'a changed value',
    () => redis.hset(group('acme'), 'plan', 'free'),
    {
      ...{ group: 'acme', kind: 'trait', name: 'plan' },
      ...{ expected: `"pro" ${asOf}`, found: `"free" ${asOf}` },
    },
  ],
  [
    'a value that is not UTF-8',
    () => redis.hset(group('acme'), 'plan', Buffer.from([0xff])),
    { group: 'acme', kind: 'trait', name: 'plan', expected: `"pro" ${asOf}` },
  ],
  [
    'JSON stored as a string',
    () => redis.hset(`${group('acme')}:clock`, 'seats', midnight),
    { ...{ kind: 'trait', name: 'seats' }, expected: `250 ${asOf}`, found: `"250" ${asOf}` },
  ],
  [
    'a missing trait',
    () => redis.hdel(group('acme'), 'plan'),
    { kind: 'trait', name: 'plan', found: 'a clock without a value' },
  ],
  [
    'a trait and its clock both missing',
    async () => {
      await redis.hdel(group('acme'), 'plan')
      await redis.hdel(`${group('acme')}:clock`, 'plan')
    },
    { kind: 'trait', name: 'plan', expected: `"pro" ${asOf}`, found: null },
  ],
  [
    'a trait without a clock',
    () => redis.hset(group('acme'), 'extra', 'x'),
    { kind: 'trait', name: 'extra', expected: null, found: '"x" without a clock' },
  ],
  [
    'an extra trait',
    async () => {
      await redis.hset(group('acme'), 'extra', 'x')
      await redis.hset(`${group('acme')}:clock`, 'extra', midnight)
    },
    { kind: 'trait', name: 'extra', expected: null, found: `"x" ${asOf}` },
  ],
  [
    'a wrong clock',
    () => redis.hset(`${group('acme')}:clock`, 'plan', later),
    { kind: 'trait', name: 'plan', expected: `"pro" ${asOf}` },
  ],
  [
    'a missing removal',
    () => redis.hdel(`${group('acme')}:clock`, 'old'),
    { kind: 'trait', name: 'old', found: null },
  ],
  [
    'a wrong latest clock',
    () => redis.hset(`${group('empty')}:clock`, '', later),
    { group: 'empty', kind: 'clock', found: '2024-01-01T00:00:00.000001Z' },
  ],
  [
    'an erasure without an event',
    () => redis.hset(`${group('empty')}:clock`, '', midnight + '0'.repeat(16)),
    { group: 'empty', kind: 'erasure', expected: null },
  ],
  [
    'a malformed clock',
    () => redis.hset(`${group('acme')}:clock`, 'plan', 'noon'),
    { kind: 'conflict', found: expect.stringContaining('malformed at the field "plan"') },
  ],
  [
    'a missing member',
    () => redis.zrem(`${group('{}%\u0001')}:members`, 'bob'),
    { group: '{}%\u0001', kind: 'member', name: 'bob', expected: `member ${asOf}`, found: null },
  ],
  [
    'a member with another clock',
    () => redis.zadd(`${group('empty')}:members`, later, 'ann'),
    { kind: 'member', name: 'ann', found: 'member as of 2024-01-01T00:00:00.000001Z' },
  ],
  [
    'a missing user who left',
    () => redis.del(`${group('acme')}:left`),
    { kind: 'member', name: 'ann', found: null },
  ],
  [
    'a missing group',
    () => redis.del(...keysOf('{}%\u0001')),
    { group: '{}%\u0001', kind: 'group', expected: 'a group', found: null },
  ],
  [
    'a group without any event in the topic',
    () => redis.hset(`${group('nobody')}:clock`, '', midnight),
    { group: 'nobody', kind: 'group', expected: null, found: 'a group' },
  ],
  [
    'a key of the wrong type in place of a group',
    async () => {
      await redis.del(...keysOf('empty'))
      await redis.set(group('empty'), 'by another program')
    },
    { group: 'empty', kind: 'conflict', found: expect.stringContaining('is a string, not a') },
  ],
  [
    'a missing entry of the user index',
    () => redis.zrem(`${user('bob')}:groups`, 'acme'),
    { group: 'acme', kind: 'index', name: 'bob', found: null },
  ],
  [
    'an entry of the user index with another clock',
    () => redis.zadd(`${user('bob')}:groups`, 5, '{}%\u0001'),
    { group: '{}%\u0001', kind: 'index', name: 'bob', expected: `member ${asOf}` },
  ],
  [
    'an entry of the user index that no group explains',
    () => redis.zadd(`${user('eve')}:left`, midnight, 'acme'),
    { group: 'acme', kind: 'index', name: 'eve', expected: null },
  ],
  [
    'a key of the wrong type in place of the user index',
    async () => {
      await redis.del(`${user('ann')}:groups`)
      await redis.set(`${user('ann')}:groups`, 'by another program')
    },
    { kind: 'conflict', found: expect.stringMatching(/user:\{ann\}:groups is a string/) },
  ],
]

describe('every difference that is planted in Redis is found and described', () => {
  test.each(planted)('%s', async (name, plant, expected) => {
    const before = await snapshot()
    await plant()
    const { exitCode, verdict } = await runVerify(topic.environment)
    await restore(before)
    // ann is in two groups, and both are found
    const isOfAnn = name.endsWith('in place of the user index')
    expect(verdict.differences.first).toEqual(
      Array.from({ length: isOfAnn ? 2 : 1 }, () => expect.objectContaining(expected)),
    )
    expect(exitCode).toBe(1)
  })

  test('an extra member, who is missing in the user index, too', async () => {
    const before = await snapshot()
    await redis.zadd(`${group('acme')}:members`, midnight, 'eve')
    const { verdict } = await runVerify(topic.environment)
    await restore(before)
    expect(verdict.differences.first.map(({ kind, name }) => [kind, name])).toEqual([
      ['member', 'eve'],
      ['index', 'eve'],
    ])
  })

  test('all differences are counted, and as many listed as --limit says', async () => {
    const before = await snapshot()
    const names = Array.from({ length: 30 }, (_, i) => `extra${i}`)
    await redis.hset(group('acme'), Object.fromEntries(names.map((name) => [name, '\u001b[31m'])))
    const few = await runCli(['verify', '--limit', '3'], topic.environment)
    const usual = await runVerify(topic.environment)
    await restore(before)
    expect(few.exitCode).toBe(1)
    expect(few.stdout).toContain('differences: 30, in 1 group\n')
    expect(few.stdout.match(/^acme +trait extra/gm)).toHaveLength(3)
    expect(few.stdout).toContain('… and 27 more')
    expect(few.stdout).toMatch(/in 1 pass: 30 differences in 1 group\n$/)
    expect(few.stdout).not.toContain('\u001b')
    expect(usual.verdict.differences.count).toBe(30)
    expect(usual.verdict.differences.first).toHaveLength(20)
  })
})

function group(groupId: string): string {
  const inKey = groupId.replace(/[{}%\p{Cc}]/gu, encodeURIComponent)
  return `${topic.environment.REDIS_GROUP_PREFIX}{${inKey}}`
}

function user(userId: string): string {
  return `${topic.environment.REDIS_USER_PREFIX}{${userId}}`
}

function keysOf(groupId: string): string[] {
  return ['', ':clock', ':members', ':left'].map((suffix) => group(groupId) + suffix)
}

type Snapshot = ReadonlyMap<string, Buffer>

async function snapshot(): Promise<Snapshot> {
  const keys = await redis.keys(`${topic.environment.KAFKA_TOPIC}:*`)
  const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)))
  return new Map(keys.map((key, i) => [key, dumps[i]!]))
}

async function restore(before: Snapshot): Promise<void> {
  const keys = await redis.keys(`${topic.environment.KAFKA_TOPIC}:*`)
  await redis.del(...keys)
  for (const [key, dump] of before) await redis.restore(key, 0, dump)
}
