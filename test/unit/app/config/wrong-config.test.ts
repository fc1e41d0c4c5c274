import { describe, expect, test } from 'vitest'
import { fields, redacted } from '../../../../src/app/config/fields.ts'
import { linesOf, load } from './loaded-config.ts'

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
