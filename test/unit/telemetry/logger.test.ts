import { expect, test } from 'vitest'
import { createLogger, type LoggerOptions } from '../../../src/telemetry/logger.ts'

function loggerTo(lines: string[], options: Partial<LoggerOptions> = {}) {
  return createLogger(
    { level: 'info', format: 'json', ...options },
    { write: (line) => lines.push(line) },
  )
}

/** Logs the facts and returns the parsed line. */
function logged(facts: object, options: Partial<LoggerOptions> = {}): Record<string, unknown> {
  const lines: string[] = []
  loggerTo(lines, options).error(facts, 'something happened')
  return JSON.parse(lines[0]!)
}

test('a line is JSON with level, time, message and facts', () => {
  expect(logged({ topic: 'groups', partition: 3, offset: 12n })).toMatchObject({
    level: 'error',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    msg: 'something happened',
    topic: 'groups',
    partition: 3,
    offset: '12',
  })
})

test('a line below the configured level is not written', () => {
  const lines: string[] = []
  const log = loggerTo(lines, { level: 'warn' })
  log.info({}, 'no')
  log.warn({}, 'yes')
  expect(lines).toHaveLength(1)
})

test('the lines of a child logger have its facts', () => {
  const lines: string[] = []
  loggerTo(lines).child({ component: 'kafka' }).child({ topic: 'groups' }).info({ n: 1 }, 'up')
  expect(JSON.parse(lines[0]!)).toMatchObject({ component: 'kafka', topic: 'groups', n: 1 })
})

test('an error is logged with name, code, message and causes, without its stack', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  const err = new Error('Redis is away', { cause: new Error('no connection', { cause: refused }) })
  expect(logged({ err }).err).toEqual({
    name: 'Error',
    message: 'Redis is away',
    cause: {
      name: 'Error',
      message: 'no connection',
      cause: { name: 'Error', code: 'ECONNREFUSED', message: 'connect ECONNREFUSED' },
    },
  })
})

test('a bug is logged with its stack, and so is every error at level debug', () => {
  const bug = logged({ err: new TypeError('x is not a function') }).err
  expect(bug).toMatchObject({ stack: expect.stringMatching(/^ +at .*logger\.test/) })
  const plain = logged({ err: new Error('away') }, { level: 'debug' }).err
  expect(plain).toMatchObject({ stack: expect.stringMatching(/^ +at /) })
})

test('an error is logged under any key, at any depth', () => {
  const line = logged({ error: new Error('one'), results: [{ reason: new Error('two') }] })
  expect(line).toMatchObject({
    error: { message: 'one' },
    results: [{ reason: { message: 'two' } }],
  })
})

test('the arguments of a failed command are not logged, because they are data', () => {
  const err = Object.assign(new Error('OOM command not allowed'), {
    command: { name: 'merge', args: ['group:acme', 'top secret plan'] },
  })
  expect(JSON.stringify(logged({ err }))).not.toContain('top secret plan')
})

test('an error about text that is not JSON does not quote the text', () => {
  for (const text of ['{"plan": confidential}', 'confidential '.repeat(20)]) {
    const line = logged({ err: syntaxErrorOf(text) })
    expect(JSON.stringify(line)).not.toContain('confidential')
    expect(line.err).toMatchObject({ message: expect.stringContaining('is not valid JSON') })
  }
})

function syntaxErrorOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    return error
  }
}

test('the error of a connection to several addresses has the message of each', () => {
  const err = new AggregateError([new Error('refused ::1'), new Error('refused 127.0.0.1')])
  expect(logged({ err }).err).toMatchObject({ message: 'refused ::1; refused 127.0.0.1' })
})

test('secrets are hidden, at any depth', () => {
  const line = logged({
    password: 'hunter2',
    kafka: { sasl: { mechanism: 'plain', username: 'u', password: 'hunter2' } },
    options: [{ sentinelPassword: 'hunter2', authorization: 'hunter2' }],
  })
  expect(JSON.stringify(line)).not.toContain('hunter2')
  expect(line.password).toBe('[hidden]')
})

test('credentials in a URL are hidden anywhere in a line, and the host is kept', () => {
  const url = 'rediss://worker:hunter2@redis.example:6380/0'
  const lines: string[] = []
  const log = loggerTo(lines).child({ url })
  log.error({ err: new Error(`cannot reach ${url}`, { cause: new Error(url) }) }, `no ${url}`)
  log.error({ odd: 'redis://u:p@"odd\\pass@redis.example' }, 'a password of odd characters')
  const text = lines.join('')
  expect(text).not.toMatch(/hunter2|odd\\|pass@/)
  expect(text).toContain('rediss://[hidden]@redis.example:6380/0')
})

test('of bytes only their number is logged, because they may be part of a record', () => {
  expect(logged({ value: Buffer.from('secret plan') }).value).toBe('[11 bytes]')
})

test('very long texts and circular references are cut', () => {
  const circle: Record<string, unknown> = { long: 'x'.repeat(100_000) }
  circle.self = circle
  expect(JSON.stringify(logged(circle)).length).toBeLessThan(10_000)
})

test('dates and URLs are logged as text', () => {
  const line = logged({ at: new Date(0), url: new URL('http://127.0.0.1:80/x') })
  expect(line).toMatchObject({ at: '1970-01-01T00:00:00.000Z', url: 'http://127.0.0.1/x' })
})

test('in pretty format, a line is one line of text', () => {
  const lines: string[] = []
  loggerTo(lines, { format: 'pretty' }).info({ topic: 'groups' }, 'Consuming')
  expect(lines[0]).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: Consuming \{"topic":"groups"\}\n$/)
})

test('auto is JSON if the destination is not a terminal', () => {
  const lines: string[] = []
  loggerTo(lines, { format: 'auto' }).info({}, 'up')
  expect(JSON.parse(lines[0]!)).toMatchObject({ msg: 'up' })
})
