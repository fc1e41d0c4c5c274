import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { kafkajs } from '../../../src/kafka/client/kafkajs.ts'
import type { KafkaSettings } from '../../../src/kafka/client/settings.ts'
import { createPublisher } from '../../../src/kafka/producer/publisher.ts'
import {
  checkPublishing,
  checkTopics,
  ensureDeadLetterTopic,
} from '../../../src/kafka/topics/topics.ts'
import { NotRetriable } from '../../../src/pipeline/errors.ts'
import {
  committed,
  consume,
  makeTopic,
  produce,
  settingsFor,
  withAdmin,
} from '../../setup/kafka/topics.ts'
import { silentLog as log } from '../../setup/logs.ts'
import { type OwnBroker, startBroker } from '../../setup/servers/own-broker.ts'
import { until } from '../../setup/waiting.ts'

const jars = inject('kafkaJars')
let broker: OwnBroker

describe.skipIf(jars === '')(`a broker of our own${jars === '' ? ' (no Kafka jars)' : ''}`, () => {
  beforeAll(async () => {
    broker = await startBroker(jars)
  }, 60_000)
  afterAll(() => broker?.stop())

  test('an outage of Kafka at start and another later are reported once each, and nothing is lost', async () => {
    const settings = settingsFor(broker.brokers)
    await makeTopic(settings)
    await produce(settings, [{ value: 'before' }])
    await broker.proxy.cut()
    const { consumer, values, events } = consume(settings)
    const kinds = () => events.map(({ kind }) => kind).filter((kind) => kind !== 'assigned')
    await until('the outage is reported', () => kinds().length === 1)
    await sleep(1500) // several more attempts
    expect(kinds()).toEqual(['outage'])
    expect(consumer.state().isReading).toBe(false)
    expect(consumer.state().outage?.message).toContain('ECONNREFUSED')

    await broker.proxy.restore()
    await until('it reads', () => values().includes('before'))
    expect(kinds()).toEqual(['outage', 'recovered'])
    expect(consumer.state()).toMatchObject({ isReading: true, outage: undefined })
    // otherwise the record would be redelivered
    await until('it is committed', async () => (await committed(settings))[0] === '1')

    await broker.proxy.cut()
    await until('the second outage is reported', () => kinds().length === 3)
    expect(consumer.state().isReading).toBe(false)
    await broker.proxy.restore()
    await produce(settings, [{ value: 'after' }])
    // at once: the group does not wait for the member that could not leave
    await until('it reads on', () => values().includes('after'), settings.sessionTimeoutMs / 2)
    expect(kinds()).toEqual(['outage', 'recovered', 'outage', 'recovered'])
    expect(values()).toEqual(['before', 'after'])
  })

  test('a stop during an outage keeps its deadline, and the consumer does not resume afterwards', async () => {
    const settings = settingsFor(broker.brokers)
    await makeTopic(settings)
    await broker.proxy.cut()
    onTestFinished(() => broker.proxy.cut().then(broker.proxy.restore))
    const { consumer, events } = consume(settings)
    const kinds = () => events.map(({ kind }) => kind).filter((kind) => kind !== 'assigned')
    await until('the outage is reported', () => kinds().length === 1)
    const startedAt = performance.now()
    await consumer.stop(3000)
    expect(performance.now() - startedAt).toBeLessThan(3500)
    expect(await consumer.ended).toBeUndefined()
    await broker.proxy.restore()
    await sleep(1000)
    expect(kinds()).toEqual(['outage'])
  })

  test('what is published during a short outage arrives', async () => {
    const settings = settingsFor(broker.brokers)
    await makeTopic(settings)
    const publisher = createPublisher(settings, log, { timeoutMs: 15_000 })
    onTestFinished(() => publisher.close())
    await publisher.publish([{ key: null, value: 'before' }])
    await broker.proxy.cut()
    const during = publisher.publish([{ key: null, value: 'during' }])
    await sleep(1000)
    await broker.proxy.restore()
    await during
    const { values } = consume(settings)
    await until('both records are read', () => new Set(values()).size === 2)
  })

  test('a wrong password ends checks and the consumer, with what to check', async () => {
    const settings = secured('wrong')
    const error = await denialOf(checkTopics(settings, log))
    expect(error).toContain('the mechanism, the user name and the password')
    const { consumer } = consume(settings)
    expect(String(await consumer.ended)).toContain('Check kafka.sasl')
  })

  test('SCRAM works', async () => {
    const sasl = { mechanism: 'scram-sha-512', username: 'scrammer', password: 'secret' } as const
    const settings = { ...secured(), sasl }
    await makeTopic({ ...settings, brokers: broker.brokers, sasl: null })
    await allow('User:scrammer', settings.topic, ['READ', 'DESCRIBE'])
    await allowGroup(settings, 'User:scrammer')
    await checkTopics(settings, log)
  })

  test('each missing right is named, and granting it is enough', async () => {
    const settings = secured()
    const { topic, groupId, deadLetterTopic } = settings
    const asAdmin = { ...settings, brokers: broker.brokers, sasl: null }
    await makeTopic(asAdmin)
    await makeTopic(asAdmin, 1, {}, deadLetterTopic)
    const grant = "--add --allow-principal 'User:reader'"

    expect(await denialOf(checkTopics(settings, log))).toContain(grant)
    await allow('User:reader', topic, ['DESCRIBE'])
    const noGroup = await denialOf(checkTopics(settings, log))
    expect(noGroup).toContain(`checking consumer group ${groupId}`)
    expect(noGroup).toContain(`--topic ${topic} --group ${groupId}`)
    await allowGroup(settings, 'User:reader')
    await checkTopics(settings, log)

    const { consumer } = consume(settings)
    expect(await denialOf(consumer.ended.then((error) => Promise.reject(error)))).toContain(
      `reading topic ${topic}: Not authorized to access topics`,
    )
    await allow('User:reader', topic, ['READ'])
    await produce(asAdmin, [{ value: 'v' }])
    const { values } = consume(settings)
    await until('it reads', () => values().length === 1)

    await allow('User:reader', deadLetterTopic, ['DESCRIBE'])
    expect(await denialOf(ensureDeadLetterTopic(settings, log))).toContain(
      `--operation Write --operation Describe --topic ${deadLetterTopic}`,
    )
    await allow('User:reader', deadLetterTopic, ['WRITE'])
    await ensureDeadLetterTopic(settings, log)

    expect(await denialOf(checkPublishing(settings, log))).toContain('--operation Write')
    await allow('User:reader', topic, ['WRITE'])
    await checkPublishing(settings, log)
  })

  test('a right that is withdrawn while the consumer runs is an outage until it is granted again', async () => {
    const settings = secured()
    const asAdmin = { ...settings, brokers: broker.brokers, sasl: null }
    await makeTopic(asAdmin)
    await allow('User:reader', settings.topic, ['READ', 'DESCRIBE'])
    await allowGroup(settings, 'User:reader')
    const { consumer, values, events } = consume(settings)
    await until('it reads', () => consumer.state().isReading)
    await withdraw(settings)
    await until('the outage is reported', () => events.some(({ kind }) => kind === 'outage'))
    await allow('User:reader', settings.topic, ['READ', 'DESCRIBE'])
    await produce(asAdmin, [{ value: 'v' }])
    await until('it reads again', () => values().length === 1)
    expect(consumer.state().outage).toBeUndefined()
  })
})

function secured(password = 'secret'): KafkaSettings {
  const sasl = { mechanism: 'plain', username: 'reader', password } as const
  return { ...settingsFor(broker.securedBrokers), sasl }
}

async function denialOf(check: Promise<unknown>): Promise<string> {
  const error: unknown = await check.catch((denied: unknown) => denied)
  expect(error).toBeInstanceOf(NotRetriable)
  return String(error)
}

type Operation = 'READ' | 'WRITE' | 'DESCRIBE'

const ACL = { host: '*', permissionType: 3, resourcePatternType: 3 } as const

async function allow(
  principal: string,
  resourceName: string,
  operations: Operation[],
  resourceType = kafkajs.AclResourceTypes.TOPIC,
): Promise<void> {
  const acl = operations.map((operation) => ({
    ...ACL,
    principal,
    resourceName,
    resourceType,
    operation: kafkajs.AclOperationTypes[operation],
  }))
  await withAdmin(broker, (admin) => admin.createAcls({ acl }))
}

async function allowGroup(settings: KafkaSettings, principal: string): Promise<void> {
  await allow(principal, settings.groupId, ['READ'], kafkajs.AclResourceTypes.GROUP)
}

async function withdraw({ topic }: KafkaSettings): Promise<void> {
  const filter = {
    ...ACL,
    principal: 'User:reader',
    resourceName: topic,
    resourceType: kafkajs.AclResourceTypes.TOPIC,
    operation: kafkajs.AclOperationTypes.READ,
  }
  await withAdmin(broker, (admin) => admin.deleteAcls({ filters: [filter] }))
}
