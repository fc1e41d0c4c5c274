import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { fields } from '../../../../src/app/config/fields.ts'
import { load } from './loaded-config.ts'

const LOCAL = { kafkaBrokers: ['127.0.0.1:5001'], redisUrl: 'redis://127.0.0.1:5002' }

describe('precedence', () => {
  test('a flag overrides the environment, which overrides the file, which overrides the default', () => {
    const files = { 'a.yaml': 'kafka: { topic: of-file, groupId: of-file, clientId: of-file }' }
    const environment = { KAFKA_TOPIC: 'of-env', KAFKA_GROUP_ID: 'of-env' }
    const flags = new Map([['kafka.topic', 'of-flag']])
    const { config, settings } = load({ file: 'a.yaml', environment, flags }, files)
    expect(config.kafka).toMatchObject({
      topic: 'of-flag',
      groupId: 'of-env',
      clientId: 'of-file',
      maxWaitMs: 250,
    })
    expect(settings.get('kafka.topic')?.origin).toEqual({ source: 'flag', flag: '--kafka-topic' })
    expect(settings.get('kafka.groupId')?.origin).toEqual({
      source: 'environment',
      variable: 'KAFKA_GROUP_ID',
    })
    expect(settings.get('kafka.clientId')?.origin).toEqual({
      source: 'file',
      file: 'a.yaml',
      line: 1,
    })
    expect(settings.get('kafka.maxWaitMs')?.origin).toEqual({ source: 'default' })
  })

  test('--config names the file, or else GROUP_TRAITS_CONFIG does', () => {
    const files = { 'a.yaml': 'kafka: { topic: a }', 'b.yaml': 'kafka: { topic: b }' }
    const environment = { GROUP_TRAITS_CONFIG: 'b.yaml' }
    expect(load({ environment }, files).config.kafka.topic).toBe('b')
    expect(load({ environment, file: 'a.yaml' }, files).config.kafka.topic).toBe('a')
  })

  test('an empty environment variable counts as absent', () => {
    expect(load({ environment: { KAFKA_TOPIC: '' } }).config.kafka.topic).toBe('groups')
  })

  test('the servers of a running local stack are used if no server is named', () => {
    const { config, settings } = load({ localEndpoints: LOCAL, needsKafka: true })
    expect(config.kafka.brokers).toEqual(LOCAL.kafkaBrokers)
    expect(config.redis.url).toBe(LOCAL.redisUrl)
    expect(settings.get('redis.url')?.origin).toEqual({ source: 'local' })
  })

  test('the local stack is not used if one server is named', () => {
    const environment = { KAFKA_BROKERS: 'one:9092' }
    const { config } = load({ environment, localEndpoints: LOCAL })
    expect(config.kafka.brokers).toEqual(['one:9092'])
    expect(config.redis.url).toBe('redis://127.0.0.1:6379')
  })
})

describe('values', () => {
  test('each text in the environment is converted to the type of its setting', () => {
    const environment = {
      KAFKA_BROKERS: ' one:9092, two:9093 ,',
      HTTP_PORT: '0',
      REDIS_USER_INDEX: 'false',
      EVENTS_MAX_CLOCK_SKEW_MS: '36h',
      EVENTS_MAX_EVENT_BYTES: '1.5MiB',
      KAFKA_MAX_WAIT_MS: '40',
    }
    const { config } = load({ environment })
    expect(config.kafka.brokers).toEqual(['one:9092', 'two:9093'])
    expect(config.http.port).toBe(0)
    expect(config.redis.userIndex).toBe(false)
    expect(config.events.maxClockSkewMs).toBe(36 * 3_600_000)
    expect(config.events.maxEventBytes).toBe(1.5 * 1024 ** 2)
    expect(config.kafka.maxWaitMs).toBe(40)
  })

  test('the name of the dead-letter topic derives from the topic unless it is set', () => {
    const ofTopic = load({ environment: { KAFKA_TOPIC: 'accounts' } })
    expect(ofTopic.config.kafka.deadLetterTopic).toBe('accounts.dead-letters')
    const named = load({ environment: { KAFKA_DEAD_LETTER_TOPIC: 'rejected' } })
    expect(named.config.kafka.deadLetterTopic).toBe('rejected')
  })

  test('certificates are read from their files', () => {
    const pem = (what: string) => `-----BEGIN ${what}-----`
    const files = { 'ca.pem': pem('CERTIFICATE') }
    const environment = { KAFKA_TLS_ENABLED: 'true', KAFKA_TLS_CA_FILE: 'ca.pem' }
    expect(load({ environment }, files).config.kafka.tls).toEqual({
      ca: pem('CERTIFICATE'),
      rejectUnauthorized: true,
    })
    expect(load({}).config.kafka.tls).toBe(false)
  })

  test('SASL settings are null without a mechanism', () => {
    const environment = {
      KAFKA_SASL_MECHANISM: 'plain',
      KAFKA_SASL_USERNAME: 'me',
      KAFKA_SASL_PASSWORD: 'hush',
    }
    expect(load({ environment }).config.kafka.sasl).toEqual({
      mechanism: 'plain',
      username: 'me',
      password: 'hush',
    })
    expect(load({}).config.kafka.sasl).toBeNull()
  })
})

describe('names', () => {
  test('variables and flags derive from the name of the setting', () => {
    const names = new Map(fields.map(({ name, variable, flag }) => [name, [variable, flag]]))
    expect(names.get('kafka.groupId')).toEqual(['KAFKA_GROUP_ID', '--kafka-group-id'])
    expect(names.get('kafka.deadLetterTopic')?.[0]).toBe('KAFKA_DEAD_LETTER_TOPIC')
    expect(names.get('kafka.sasl.password')?.[0]).toBe('KAFKA_SASL_PASSWORD')
    expect(names.get('redis.url')?.[0]).toBe('REDIS_URL')
    expect(names.get('events.maxTraits')?.[0]).toBe('EVENTS_MAX_TRAITS')
  })

  test('every field has a description and a unique variable', () => {
    expect(fields.filter(({ description }) => description === '')).toEqual([])
    expect(new Set(fields.map(({ variable }) => variable)).size).toBe(fields.length)
  })
})

describe('the commented file in config/', () => {
  const text = readFileSync('config/group-traits.yaml', 'utf8')

  test('contains every setting', () => {
    const keys = fields.map(({ name }) => name.split('.').at(-1))
    expect(keys.filter((key) => !text.includes(`${key}: `))).toEqual([])
  })

  test('is valid, and each value in it is the default', () => {
    const { config } = load({ file: 'group-traits.yaml' }, { 'group-traits.yaml': text })
    expect(config).toEqual(load({}).config)
  })

  test('the settings that are commented out are valid, too', () => {
    const uncommented = text
      .replaceAll(/^( *)# (\w+: \S+)$/gm, '$1$2')
      .replace('enabled: false', 'enabled: true')
    const files = Object.fromEntries(
      ['ca.pem', 'client.pem', 'client.key'].map((name) => [name, '-----BEGIN X-----']),
    )
    const { config } = load({ file: 'all.yaml' }, { ...files, 'all.yaml': uncommented })
    expect(config.kafka.sasl).toMatchObject({ mechanism: 'scram-sha-512', password: 'secret' })
    expect(config.kafka.tls).toMatchObject({ key: '-----BEGIN X-----' })
  })
})
