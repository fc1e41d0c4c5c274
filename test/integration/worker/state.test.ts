import { isDeepStrictEqual } from 'node:util'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { createDecoder } from '../../../src/domain/event/decode.ts'
import { fold } from '../../../src/domain/merge/merge.ts'
import { ownEnvironment } from '../../setup/cli/command-line.ts'
import { DEFAULT_RULES } from '../../setup/domain/decode-rules.ts'
import { consume, makeTopic, produce, settingsFor } from '../../setup/kafka/topics.ts'
import { type Layout, layoutOf, readKeys } from '../../setup/oracle/state-layout.ts'
import { until } from '../../setup/waiting.ts'
import { startWorker } from '../../setup/worker/test-worker.ts'

let redis: Redis
beforeAll(() => {
  redis = new Redis(inject('redisUrl'))
})
afterAll(() => redis.quit())

const SEED = 20_201_123

test('two workers, one of which is killed, produce the fold of all events, in any order', async () => {
  const environment = { ...ownEnvironment(), KAFKA_SESSION_TIMEOUT_MS: '6s' }
  const settings = topicOf(environment)
  await makeTopic(settings, 4)
  const values = someEvents(6000, SEED)
  const expected = expectedLayout(values)

  const first = startWorker(environment)
  const second = startWorker(environment)
  await Promise.all([first.said('joined'), second.said('joined')])
  // Without keys, the events of a group are spread over all partitions. A third is sent twice.
  const shuffled = shuffle([...values, ...values.slice(0, 2000)], SEED)
  const sending = produceAll(settings, shuffled)
  await until('some events are merged', () => redis.exists(groupKey(environment, 'group7')))
  await first.end('SIGKILL')
  await sending

  await until(
    'Redis holds the fold',
    async () => isDeepStrictEqual(await readLayout(environment), expected),
    40_000,
  )
  expect(await second.end('SIGTERM')).toBe(0)
}, 60_000)

test('only the group whose key has the wrong type gets a dead letter, and so does an invalid record', async () => {
  const environment = ownEnvironment()
  const settings = topicOf(environment)
  await makeTopic(settings, 1)
  await redis.set(groupKey(environment, 'taken'), 'by somebody else')
  const good = event('fine', 'ann', { plan: 'pro' }, '2024-01-01')
  const conflicting = event('taken', 'ann', { plan: 'pro' }, '2024-01-01')
  const bytes = Buffer.from([0xff, 0x00, 0x7b])
  const readDeadLetters = deadLettersOf(settings)
  await produce(settings, [
    { key: null, value: conflicting, headers: { trace: 'abc' } },
    { key: 'k', value: bytes },
    { value: good },
    { value: '{"type":"track","event":"Signed Up"}' },
  ])
  const worker = startWorker(environment)
  await until('the valid event is merged', () => redis.hget(groupKey(environment, 'fine'), 'plan'))
  await worker.said('created the dead-letter topic')
  const { records } = readDeadLetters()
  await until('both dead letters are written', () => records.length >= 2)

  const seen = records.map(({ value, headers }) => [
    value?.toString('hex'),
    String(headers?.['group-traits.reason']),
    String(headers?.['group-traits.path']),
    String(headers?.['__connect.errors.offset']),
    headers?.trace && String(headers.trace),
  ])
  expect(seen.sort((a, b) => Number(a[3]) - Number(b[3]))).toEqual([
    [Buffer.from(conflicting).toString('hex'), 'state_conflict', '/group_id', '0', 'abc'],
    [bytes.toString('hex'), 'not_utf8', '', '1', undefined],
  ])
  expect(await redis.get(groupKey(environment, 'taken'))).toBe('by somebody else')
  const metrics = (await worker.get('/metrics')).body
  expect(metrics).toContain('group_traits_dead_letters_total{reason="state_conflict"} 1')
  expect(metrics).toContain('group_traits_records_total{outcome="ignored"} 1')
})

test('an erasure deletes what was before it, and replayed events do not bring it back', async () => {
  const environment = ownEnvironment()
  const settings = topicOf(environment)
  await makeTopic(settings, 2)
  const old = event('acme', 'ann', { plan: 'old', name: 'Acme' }, '2024-01-01')
  const newer = event('acme', 'bob', { plan: 'new' }, '2024-03-01')
  await produce(settings, [
    { value: newer },
    { key: 'acme', value: null, headers: { 'group-traits.erase': '2024-02-01T00:00:00Z' } },
    { value: old },
    { value: old },
  ])
  startWorker(environment)
  const erased = '1706745600000000'
  await until('the erasure is stored', async () =>
    (await redis.hget(`${groupKey(environment, 'acme')}:clock`, ''))?.endsWith(erased),
  )
  await until('the newer event is merged', () => redis.hget(groupKey(environment, 'acme'), 'plan'))
  await produce(settings, [{ value: old }, { value: event('last', 'x', {}, '2024-01-01') }])
  await until('all records are read', () => redis.exists(`${groupKey(environment, 'last')}:clock`))
  expect(await redis.hgetall(groupKey(environment, 'acme'))).toEqual({ plan: 'new' })
  expect(await redis.zrange(`${groupKey(environment, 'acme')}:members`, '0', '-1')).toEqual(['bob'])
  expect(await redis.exists(`${environment.REDIS_USER_PREFIX}{ann}:groups`)).toBe(0)
})

type Environment = ReturnType<typeof ownEnvironment>

function topicOf({ KAFKA_TOPIC: topic }: Environment) {
  return { ...settingsFor(), topic, groupId: topic, deadLetterTopic: `${topic}.dead-letters` }
}

function groupKey(environment: Environment, groupId: string): string {
  return `${environment.REDIS_GROUP_PREFIX}{${groupId}}`
}

function deadLettersOf(settings: ReturnType<typeof topicOf>) {
  const topic = settings.deadLetterTopic
  return () => consume({ ...settings, topic, groupId: `${topic}.reader` })
}

async function produceAll(settings: ReturnType<typeof topicOf>, values: readonly Buffer[]) {
  for (let from = 0; from < values.length; from += 500) {
    const messages = values.slice(from, from + 500).map((value) => ({ key: null, value }))
    await produce(settings, messages)
  }
}

function event(groupId: string, userId: string, traits: object, timestamp: string): Buffer {
  return Buffer.from(JSON.stringify({ group_id: groupId, user_id: userId, traits, timestamp }))
}

/** Few groups, users and times, so that events often compete for the same trait, also at equal times. */
function someEvents(count: number, seed: number): Buffer[] {
  const random = randomFrom(seed)
  const pick = (limit: number) => Math.floor(random() * limit)
  return Array.from({ length: count }, (_, index) => {
    const traits: Record<string, unknown> = { [`t${pick(6)}`]: pick(3) === 0 ? null : `v${index}` }
    if (pick(4) === 0) traits.address = { city: `c${pick(5)}`, postalCode: pick(1000) }
    const timestamp = new Date(Date.UTC(2024, 0, 1) + pick(2000)).toISOString()
    const assigned = pick(5) > 0
    const ids = { group_id: `group${pick(40)}`, user_id: `user${pick(20)}` }
    return Buffer.from(JSON.stringify({ ...ids, traits, timestamp, assigned }))
  })
}

function shuffle<Item>(items: Item[], seed: number): Item[] {
  const random = randomFrom(seed)
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const [a, b] = [items[i], items[j]]
    if (a !== undefined && b !== undefined) [items[i], items[j]] = [b, a]
  }
  return items
}

/** The generator Mulberry32: small and reproducible. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

function expectedLayout(values: readonly Buffer[]): Layout {
  const decoder = createDecoder(DEFAULT_RULES)
  const events = values.flatMap((value) => {
    const decoded = decoder.decodeValue(value, Date.now())
    return decoded.kind === 'group' ? [decoded] : []
  })
  expect(events).toHaveLength(values.length)
  return layoutOf(fold(events).values())
}

async function readLayout({ KAFKA_TOPIC: name }: Environment): Promise<Layout> {
  const prefix = `${name}:`
  const keys = await redis.keys(`${prefix}*`)
  return readKeys(
    redis,
    prefix,
    keys.map((key) => key.slice(prefix.length)),
  )
}
