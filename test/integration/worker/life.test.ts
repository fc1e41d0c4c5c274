import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { ownEnvironment } from '../../setup/cli/command-line.ts'
import { makeTopic, produce, settingsFor, withAdmin } from '../../setup/kafka/topics.ts'
import { type OwnBroker, startBroker } from '../../setup/servers/own-broker.ts'
import { type OwnRedis, startOwnRedis } from '../../setup/servers/own-redis.ts'
import { until } from '../../setup/waiting.ts'
import { startWorker, type WorkerProcess } from '../../setup/worker/test-worker.ts'

const redisBinary = inject('redisServer')
const jars = inject('kafkaJars')
const EVENT = '{"group_id":"acme","user_id":"ann","traits":{"plan":"pro"},"timestamp":"2024-01-01"}'

describe.skipIf(redisBinary === '')('while Redis is away', () => {
  test('at start, a worker logs it once, is live but not ready, and continues by itself', async () => {
    const redis = await ownRedis()
    await redis.kill()
    const { environment, settings } = await arrange({ REDIS_URL: redis.url })
    await produce(settings, [{ value: EVENT }])
    const worker = startWorker(environment)
    const { detail } = await worker.said('Redis is away')
    expect(detail).toBe('Redis cannot be reached (ECONNREFUSED)')
    await until('not ready', async () => (await worker.get('/readyz')).status === 503)
    expect(JSON.parse((await worker.get('/readyz')).body)).toMatchObject({
      ready: false,
      parts: expect.arrayContaining([
        { name: 'redis', ok: false, since: expect.any(String), detail: expect.any(String) },
      ]),
    })
    expect((await worker.get('/healthz')).status).toBe(200)

    await redis.startAgain()
    await isMerged(redis, environment)
    await until('ready', async () => (await worker.get('/readyz')).status === 200)
    expect(worker.saying('Redis is away')).toHaveLength(1)
    expect(worker.saying('Redis is back')).toHaveLength(1)
  })

  test('for a while later, nothing is lost and nothing becomes a dead letter', async () => {
    const redis = await ownRedis()
    const { environment, settings } = await arrange({ REDIS_URL: redis.url })
    const worker = startWorker(environment)
    await worker.said('joined')
    await redis.kill()
    await produce(settings, [{ value: EVENT }])
    await worker.said('Redis is away')
    await redis.startAgain()
    await isMerged(redis, environment)
    expect(await endOffset(settings, settings.deadLetterTopic)).toBe('0')
    expect(worker.saying('Redis is away')).toHaveLength(1)
  })

  test('because it is out of memory, events wait and do not become dead letters', async () => {
    const redis = await ownRedis()
    const client = new Redis(redis.url)
    onTestFinished(() => client.disconnect())
    const { environment, settings } = await arrange({ REDIS_URL: redis.url })
    const worker = startWorker(environment)
    await worker.said('joined')
    await client.config('SET', 'maxmemory', '1')
    await produce(settings, [{ value: EVENT }])
    const { detail } = await worker.said('Redis is away')
    expect(String(detail)).toContain('OOM')
    expect((await worker.get('/readyz')).body).toContain('OOM')
    await client.config('SET', 'maxmemory', '0')
    await isMerged(redis, environment)
    await worker.said('Redis is back')
    expect(await endOffset(settings, settings.deadLetterTopic)).toBe('0')
  })

  test('a worker stops on SIGTERM, and has committed nothing that is not merged', async () => {
    const redis = await ownRedis()
    const { environment, settings } = await arrange({ REDIS_URL: redis.url })
    const worker = startWorker(environment)
    await worker.said('joined')
    await redis.kill()
    await produce(settings, [{ value: EVENT }])
    await worker.said('Redis is away')
    expect(await worker.end('SIGTERM')).toBe(0)

    await redis.startAgain()
    startWorker(environment)
    await isMerged(redis, environment)
  })
})

describe.skipIf(jars === '')('while Kafka is away', () => {
  let broker: OwnBroker
  beforeAll(async () => {
    broker = await startBroker(jars)
  }, 60_000)
  afterAll(() => broker.stop())

  test('at start and again later, a worker logs it once each time, and continues by itself', async () => {
    const { environment, settings } = await arrange({}, broker)
    await broker.proxy.cut()
    const worker = startWorker(environment)
    await worker.said('Kafka is away')
    expect((await worker.get('/healthz')).status).toBe(200)
    expect((await worker.get('/readyz')).status).toBe(503)
    await broker.proxy.restore()
    await worker.said('joined', 30_000)
    await worker.said('Kafka is back')

    await broker.proxy.cut()
    await until(
      'the second outage is logged',
      () => worker.saying('Kafka is away').length === 2,
      30_000,
    )
    await broker.proxy.restore()
    await until('its end is logged', () => worker.saying('Kafka is back').length === 2, 30_000)
    await produce(settings, [{ value: EVENT }])
    const redis = new Redis(inject('redisUrl'))
    onTestFinished(() => redis.disconnect())
    const key = `${environment.REDIS_GROUP_PREFIX}{acme}`
    await until('the event is merged', () => redis.hget(key, 'plan'), 20_000)
    expect(worker.saying('Kafka is away')).toHaveLength(2)
    expect(worker.saying('stderr')).toEqual([])
    expect(await worker.end('SIGTERM')).toBe(0)
  }, 90_000)
})

test('a worker that stops hands its partitions over at once', async () => {
  const { environment } = await arrange({ KAFKA_SESSION_TIMEOUT_MS: '30s' })
  const first = startWorker(environment)
  await first.said('joined')
  const second = startWorker(environment)
  await until('both share the partitions', () =>
    [first, second].every((worker) => lastPartitions(worker)?.length === 1),
  )
  expect(await first.end('SIGINT')).toBe(0)
  await until(
    'the other worker has both partitions',
    () => lastPartitions(second)?.length === 2,
    5000,
  )
})

describe('an error that retrying would not fix ends a worker at start, and says what to do:', () => {
  test('a missing topic', async () => {
    const worker = startWorker(ownEnvironment())
    expect(await worker.exited).toBe(1)
    const [{ level, msg } = { level: '', msg: '' }] = worker.saying('there is no topic')
    expect(level).toBe('fatal')
    expect(msg).toContain('--create --topic')
  })

  test.skipIf(redisBinary === '')('a wrong password', async () => {
    const redis = await ownRedis(['--requirepass', 'right'])
    const url = redis.url.replace('redis://', 'redis://:wrong@')
    const { environment } = await arrange({ REDIS_URL: url })
    const worker = startWorker(environment)
    expect(await worker.exited).toBe(1)
    expect(worker.lines.at(-2)?.msg ?? '').not.toContain('wrong@')
    expect(worker.saying('refuses the user or the password')).toHaveLength(1)
  })

  test.skipIf(redisBinary === '')('a Redis that would delete groups', async () => {
    const redis = await ownRedis(['--maxmemory-policy', 'allkeys-lru'])
    const { environment } = await arrange({ REDIS_URL: redis.url })
    const worker = startWorker(environment)
    expect(await worker.exited).toBe(1)
    expect(worker.saying('CONFIG SET maxmemory-policy noeviction')).toHaveLength(1)
  })

  test('invalid settings, all reported together', async () => {
    const { environment } = await arrange({ HTTP_PORT: 'eighty', EVENTS_MAX_TRAITS: '0' })
    const worker = startWorker(environment)
    expect(await worker.exited).toBe(2)
    const said = worker.lines.map(({ msg }) => msg).join('')
    expect(said).toContain('HTTP_PORT')
    expect(said).toContain('EVENTS_MAX_TRAITS')
  })
})

/** Creates a topic with two partitions, and the environment of a worker that reads it. */
async function arrange(changes: Record<string, string>, broker?: OwnBroker) {
  const own = ownEnvironment()
  const brokers = broker?.brokers ?? inject('kafkaBrokers')
  const topic = own.KAFKA_TOPIC
  const settings = {
    ...settingsFor(brokers),
    topic,
    groupId: topic,
    deadLetterTopic: `${topic}.dead-letters`,
  }
  await makeTopic(settings, 2)
  const environment: Record<string, string> = {
    ...own,
    KAFKA_BROKERS: brokers.join(','),
    ...changes,
  }
  return { environment, settings }
}

async function ownRedis(args: readonly string[] = []): Promise<OwnRedis> {
  const redis = await startOwnRedis(redisBinary, { args: [...args, '--appendonly', 'yes'] })
  onTestFinished(() => redis.stop())
  return redis
}

async function isMerged(
  { url }: OwnRedis,
  { REDIS_GROUP_PREFIX: prefix }: Readonly<Record<string, string>>,
): Promise<void> {
  const client = new Redis(url)
  try {
    await until(
      'the event is merged',
      async () => (await client.hget(`${prefix}{acme}`, 'plan')) === 'pro',
    )
  } finally {
    client.disconnect()
  }
}

async function endOffset(
  settings: ReturnType<typeof settingsFor>,
  topic: string,
): Promise<string | undefined> {
  const offsets = await withAdmin(settings, (admin) => admin.fetchTopicOffsets(topic))
  return offsets
    .map(({ high }) => high)
    .sort()
    .at(-1)
}

function lastPartitions(worker: WorkerProcess): unknown[] | undefined {
  return worker.saying('joined').at(-1)?.partitions as unknown[] | undefined
}
