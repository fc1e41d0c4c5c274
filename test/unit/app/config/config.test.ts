import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { fields, redacted } from '../../../../src/app/config/fields.ts'
import { type ConfigRequest, loadConfig } from '../../../../src/app/config/loader.ts'
import { InvalidConfig } from '../../../../src/app/config/problem.ts'

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

describe('an invalid configuration', () => {
  test('all errors are reported together, each with the setting, its origin and what is valid', () => {
    const files = {
      'bad.yaml': 'kafka:\n  topik: a\n  sessionTimeoutMs: soon\nredis: 5\ncolour: red\n',
    }
    const environment = { HTTP_PORT: 'eighty', KAFKA_BROKERS: 'one:9092,two' }
    const flags = new Map([['log.level', 'loud']])
    expect(linesOf({ file: 'bad.yaml', environment, flags }, files)).toEqual([
      'The configuration has 7 errors:',
      '  kafka.topik (bad.yaml:2): there is no such setting; did you mean kafka.topic?',
      '  redis (bad.yaml:4): must be a section, with keys below it',
      '  colour (bad.yaml:5): there is no such setting',
      '  kafka.brokers (KAFKA_BROKERS): is "two", must be host:port, with a port from 1 to 65535',
      '  kafka.sessionTimeoutMs (bad.yaml:3): is "soon", must be from 1s to 30m, as milliseconds or a number with ms, s, m, h or d',
      '  http.port (HTTP_PORT): is "eighty", must be a whole number from 0 to 65535',
      '  log.level (--log-level): is "loud", must be one of debug, info, warn, error, fatal, silent',
    ])
  })

  test.each([
    ['group_id: a', 'kafka.groupId'],
    ['kafka: { groupid: a }', 'kafka.groupId'],
    ['brokers: [a]', 'kafka.brokers'],
    ['kafak: { topic: a }', 'kafka'],
    ['kafka: { sasl: { pasword: a } }', 'kafka.sasl.password'],
  ])('%s: the error for a misspelt key suggests the right one', (text, meant) => {
    expect(linesOf({ file: 'a.yaml' }, { 'a.yaml': text })[1]).toContain(`did you mean ${meant}?`)
  })

  test.each([
    ['KAFKA_BROKERS', 'one:0'],
    ['KAFKA_BROKERS', 'one:65536'],
    ['KAFKA_BROKERS', 'one:x:9092'],
    ['KAFKA_BROKERS', 'kafka://one:9092'],
    ['KAFKA_TOPIC', 'a topic'],
    ['KAFKA_TOPIC', '..'],
    ['KAFKA_TOPIC', 'größe'],
    ['KAFKA_GROUP_ID', '  '],
    ['KAFKA_TLS_ENABLED', 'yes'],
    ['KAFKA_CONCURRENT_PARTITIONS', '0'],
    ['KAFKA_CONCURRENT_PARTITIONS', '2.5'],
    ['KAFKA_MAX_WAIT_MS', '1h'],
    ['KAFKA_MAX_WAIT_MS', '-1'],
    ['KAFKA_MAX_FETCH_BYTES', '8MB'],
    ['REDIS_URL', 'http://127.0.0.1:6379'],
    ['REDIS_URL', '127.0.0.1:6379'],
    ['REDIS_URL', 'redis+sentinel://127.0.0.1:26379'],
    ['REDIS_URL', 'redis://me:100%@127.0.0.1'],
    ['REDIS_GROUP_PREFIX', 'group:{x}'],
    ['HTTP_PORT', '65536'],
    ['HTTP_PORT', '1e9'],
    ['EVENTS_TOMBSTONES', 'ignore'],
  ])('%s=%s is rejected', (variable, value) => {
    const lines = linesOf({ environment: { [variable]: value } })
    expect(lines).toHaveLength(2)
    expect(lines[1]).toContain(`(${variable}): `)
  })

  test.each([
    [{ KAFKA_TOPIC: 'a', KAFKA_DEAD_LETTER_TOPIC: 'a' }, 'kafka.deadLetterTopic'],
    [{ KAFKA_SASL_PASSWORD: 'hush' }, 'kafka.sasl.mechanism'],
    [{ KAFKA_TLS_CA_FILE: 'ca.pem' }, 'kafka.tls.enabled'],
    [{ KAFKA_MAX_FETCH_BYTES: '1MiB' }, 'kafka.maxPartitionFetchBytes'],
    [{ REDIS_USER_PREFIX: 'group:' }, 'redis.userPrefix'],
    [{ KAFKA_MAX_WAIT_MS: '2s' }, 'kafka.maxWaitMs'],
  ])('%j is rejected: the settings do not agree', (environment, setting) => {
    const lines = linesOf({ environment })
    expect(lines).toHaveLength(2)
    expect(lines[1]).toContain(`  ${setting} (${Object.keys(environment).at(-1)}): `)
  })

  test('an invalid value is not also reported for not agreeing with another setting', () => {
    const environment = { KAFKA_SASL_MECHANISM: 'kerberos', KAFKA_SASL_PASSWORD: 'hush' }
    const lines = linesOf({ environment })
    expect(lines).toHaveLength(2)
    expect(lines[1]).toContain('is "kerberos", must be one of plain, ')
  })

  test('if Kafka is needed and there are no brokers, the error names the variable and npm start', () => {
    expect(linesOf({ needsKafka: true })[1]).toMatch(/kafka\.brokers.*KAFKA_BROKERS=.*npm start/)
  })

  test('the error for a missing file names the file, and where it was named', () => {
    expect(linesOf({ file: 'no.yaml' })[1]).toBe('  --config: cannot read no.yaml: no such file')
    const environment = { GROUP_TRAITS_CONFIG: 'no.yaml' }
    expect(linesOf({ environment })[1]).toContain('  GROUP_TRAITS_CONFIG: cannot read no.yaml')
  })

  test.each([
    ['kafka: [', /^ {2}a\.yaml:1: is not valid YAML: /],
    ['a: 1\na: 2', /^ {2}a\.yaml:2: is not valid YAML: /],
    ['- kafka', /^ {2}a\.yaml:1: must contain sections/],
    ['kafka:\n  tls: true', /^ {2}kafka\.tls \(a\.yaml:2\): must be a section/],
    ['kafka:\n  topic:', /^ {2}kafka\.topic \(a\.yaml:2\): is null, must be /],
  ])('%j: an error in the file is reported with its line', (text, line) => {
    expect(linesOf({ file: 'a.yaml' }, { 'a.yaml': text })[1]).toMatch(line)
  })

  test.each(['', '# nothing\n', 'kafka:\nredis:\n'])('%j is a file without settings', (text) => {
    expect(load({ file: 'a.yaml' }, { 'a.yaml': text }).config).toEqual(load({}).config)
  })

  test('the error names a certificate file that cannot be read or is not a PEM file', () => {
    const environment = {
      KAFKA_TLS_ENABLED: 'true',
      KAFKA_TLS_CA_FILE: 'no.pem',
      KAFKA_TLS_CERT_FILE: 'a.txt',
      KAFKA_TLS_KEY_FILE: 'a.txt',
    }
    const lines = linesOf({ environment }, { 'a.txt': 'hello' })
    expect(lines[1]).toBe(
      '  kafka.tls.caFile (KAFKA_TLS_CA_FILE): cannot read no.pem: no such file',
    )
    expect(lines[2]).toBe('  kafka.tls.certFile (KAFKA_TLS_CERT_FILE): a.txt is not a PEM file')
  })
})

describe('secrets', () => {
  test('are not in error messages', () => {
    const environment = { REDIS_URL: 'ftp://me:hush@redis', KAFKA_SASL_PASSWORD: 'hush\n' }
    const message = linesOf({ environment }).join('\n')
    expect(message).toContain('REDIS_URL')
    expect(message).toContain('KAFKA_SASL_PASSWORD')
    expect(message).not.toContain('hush')
  })

  test('are hidden, also inside a URL', () => {
    const show = (name: string, value: unknown) => {
      const field = fields.find((each) => each.name === name)
      return field && redacted(field, value)
    }
    expect(show('kafka.sasl.password', 'hush')).toBe('[hidden]')
    expect(show('kafka.sasl.password', undefined)).toBeUndefined()
    expect(show('redis.url', 'redis://me:hu@sh@host:1/2')).toBe('redis://[hidden]@host:1/2')
    expect(show('redis.url', 'redis://host:6379')).toBe('redis://host:6379')
    expect(show('kafka.topic', 'groups')).toBe('groups')
  })
})

function load(request: Partial<ConfigRequest>, files: Readonly<Record<string, string>> = {}) {
  return loadConfig({
    file: undefined,
    environment: {},
    flags: new Map(),
    needsKafka: false,
    localEndpoints: undefined,
    readFile: (path) => {
      const text = files[path]
      if (text === undefined) throw new Error('no such file')
      return text
    },
    ...request,
  })
}

function linesOf(...args: Parameters<typeof load>): string[] {
  try {
    load(...args)
  } catch (error) {
    if (error instanceof InvalidConfig) return error.message.split('\n')
    throw error
  }
  throw new Error('the configuration is valid')
}
