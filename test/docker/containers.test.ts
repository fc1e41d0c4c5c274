/** The containers that the other tests use when a Docker engine answers. */
import { Redis } from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'
import { beforeAll, expect, test } from 'vitest'
import { type Containers, startContainers } from '../setup/servers/containers.ts'
import { docker } from './docker.ts'

let containers: Containers

beforeAll(async () => {
  containers = await startContainers()
  return () => containers.stop()
})

test('the test Kafka accepts a record', async () => {
  const kafka = new Kafka({ brokers: containers.kafkaBrokers, logLevel: logLevel.NOTHING })
  const [admin, producer] = [kafka.admin(), kafka.producer()]
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: 'taken' }] })
  await producer.connect()
  await producer.send({ topic: 'taken', messages: [{ value: 'record' }] })
  expect(await admin.fetchTopicOffsets('taken')).toMatchObject([{ high: '1' }])
  await producer.disconnect()
  await admin.disconnect()
})

test('the test Redis answers', async () => {
  const redis = new Redis(containers.redisUrl)
  expect(await redis.ping()).toBe('PONG')
  redis.disconnect()
})

test('stopped containers are removed', async () => {
  const own = await startContainers()
  const ports = [...own.kafkaBrokers, own.redisUrl].map((url) => url.split(':').pop())
  const published = () => docker(['ps', '--all', '--format', '{{.Ports}}'])
  for (const port of ports) expect(await published()).toContain(`:${port}->`)
  await own.stop()
  for (const port of ports) expect(await published()).not.toContain(`:${port}->`)
})
