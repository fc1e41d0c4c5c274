import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { kafkajs, type Message } from '../../src/kafka/client/kafkajs.ts'
import { CONNECT_HEADERS } from '../../src/kafka/producer/dead-letter-headers.ts'
import { describeDifference } from '../setup/scene/differences.ts'
import { positionOf } from '../setup/scene/expected-state.ts'
import { expectNoDifference } from '../setup/scene/oracle.ts'
import { type Scene, startScene } from '../setup/scene/scene.ts'

/** One wrong value of each kind, each in a group or user of its own. */
const PLANTED: readonly [command: string, key: string, ...args: string[]][] = [
  ['HSET', 'group:{group 0}', 'plan', 'planted'],
  ['HDEL', 'group:{group 1}', 'employees'],
  ['HSET', 'group:{group 2}', 'planted', 'of no event'],
  ['HSET', 'group:{group 3}:clock', 'plan', '1735689600000001'],
  ['HDEL', 'group:{group 4}:clock', ''],
  ['HSET', 'group:{group 5}:clock', '', '17356896000000001735689600000000'],
  ['ZADD', 'group:{group 6}:members', '1', 'planted'],
  ['ZREMRANGEBYRANK', 'group:{group 7}:members', '0', '0'],
  ['ZADD', 'group:{group 8}:left', '1', 'planted'],
  ['DEL', 'user:{user 1}:groups'],
  ['ZADD', 'user:{user 2}:left', '1', 'planted'],
  ['HSET', 'group:{planted}', 'plan', 'free'],
  ['HSET', 'group:{planted}:clock', '', '1735689600000000'],
  ['SET', 'group:{of a wrong type}', 'planted'],
]

let scene: Scene
beforeAll(async () => {
  const servers = { kafkaBrokers: inject('kafkaBrokers'), redisUrl: inject('redisUrl') }
  scene = await startScene({ ...servers, partitions: 2, workers: 1 })
  await scene.load.send(2000)
})
afterAll(() => scene.close())

test('the state after a load is the expected one, and is large enough to judge', async () => {
  const verdict = await scene.oracle.check()
  expectNoDifference(verdict)
  expect(verdict.records).toBe(2000)
  expect(verdict.accepted).toBeGreaterThan(1700)
  expect(verdict.rejected).toBeGreaterThan(20)
  expect(verdict.deadLetters).toBe(verdict.rejected)
  expect(verdict.groups).toBeGreaterThan(200)
})

test('each wrong value in Redis is found, and nothing else', async () => {
  const prefix = `${scene.config.kafka.topic}:`
  const keys = PLANTED.map(([, key]) => prefix + key)
  const before = await Promise.all(keys.map((key) => scene.redis.dumpBuffer(key)))
  for (const [command, key, ...args] of PLANTED) {
    await scene.redis.call(command, prefix + key, ...args)
  }
  const verdict = await scene.oracle.check()
  await scene.redis.del(keys)
  for (const [index, key] of keys.entries()) {
    const dump = before[index]
    if (dump) await scene.redis.restore(key, 0, dump)
  }
  const found = verdict.differences.map((one) => (one.kind === 'state' ? one.key : one.kind))
  expect(new Set(found)).toEqual(new Set(keys))
  expect(() => expectNoDifference(verdict)).toThrow(
    /differences .*\n.*\{group 0\} "plan": "planted", but the topic says/,
  )
  expectNoDifference(await scene.oracle.check())
})

test('a dead letter is found that is missing, has no rejected record, or has other bytes', async () => {
  const { offset = '' } = await rejectedIn(0)
  await writeDeadLetters([deadLetterOf('0', '999999'), deadLetterOf('0', offset)])
  const earlier = await scene.oracle.readTopic()
  const gone = { offset: '888888', timestamp: '0', key: null, value: Buffer.from('gone') }
  earlier.rejected.set(positionOf(0, gone.offset), [gone])
  const { differences } = await scene.oracle.check({ earlier })
  expect(new Set(differences.map(describeDifference))).toEqual(
    new Set([
      '0/999999: dead letter of a record that was not rejected',
      `0/${offset}: dead letter with other content`,
      '0/888888: no dead letter',
    ]),
  )
})

test('a record that Kafka acknowledged but does not have is found', async () => {
  const { load } = scene
  const numbers = load.acknowledged as Set<number>
  numbers.add(1_000_000)
  const { differences } = await scene.oracle.check()
  expect(differences.map(describeDifference)).toContain(
    'record number 1000000: acknowledged, but not in the topic',
  )
})

async function rejectedIn(partition: number) {
  const { rejected } = await scene.oracle.readTopic()
  const [position] = [...rejected].find(([key]) => key.startsWith(`${partition}/`)) ?? []
  return { offset: position?.split('/')[1] }
}

function deadLetterOf(partition: string, offset: string): Message {
  const headers = { [CONNECT_HEADERS.partition]: partition, [CONNECT_HEADERS.offset]: offset }
  return { value: 'planted', headers }
}

async function writeDeadLetters(messages: Message[]): Promise<void> {
  const { brokers, deadLetterTopic: topic } = scene.config.kafka
  const client = new kafkajs.Kafka({ brokers: [...brokers] })
  const { DefaultPartitioner: createPartitioner } = kafkajs.Partitioners
  const producer = client.producer({ createPartitioner })
  await producer.connect()
  await producer.send({ topic, messages })
  await producer.disconnect()
}
