import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { runCli } from '../../setup/cli/run-cli.ts'

const COMMANDS = [
  ...['local', 'worker', 'gateway', 'show', 'user', 'verify', 'publish', 'validate'],
  ...['rebuild', 'erase', 'skip', 'config', 'schema'],
]

test('without arguments, it prints the help', async () => {
  const { exitCode, stdout } = await runCli([])
  expect(exitCode).toBe(0)
  for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'))
  expect(stdout).toContain('Exit codes:')
})

test.each(COMMANDS)('%s --help has a description, examples and exit codes', async (command) => {
  const { exitCode, stdout, stderr } = await runCli([command, '--help'])
  expect(exitCode).toBe(0)
  expect(stderr).toBe('')
  expect(stdout).toContain(`Usage: group-traits ${command}`)
  expect(stdout).toMatch(/Examples:\n {2}group-traits /)
  expect(stdout).toMatch(/Exit codes:\n {2}0 {2}\S/)
  expect(stdout).toContain('2  wrong usage or configuration')
})

test('--version prints the version of the package', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
  expect(await runCli(['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' })
})

describe('wrong usage exits with 2, prints one error, and writes nothing to standard output:', () => {
  test.each([
    [['shwo'], /unknown command 'shwo'\n\(Did you mean show\?\)/],
    [['show'], /missing required argument 'group'/],
    [['show', 'a', 'b'], /too many arguments/],
    [['show', 'a', '--jsn'], /unknown option '--jsn'\n\(Did you mean --json\?\)/],
    [['show', 'a', '--timeout', '0'], /--timeout.*number of seconds/],
    [['show', ''], /the id of a group must not be blank/],
    [['show', 'é'.repeat(257)], /the id of a group must have at most 512 bytes/],
    [['user', ' \n'], /the id of a user must not be blank/],
    [['skip', 'one', '2'], /value 'one'.*whole number/],
    [['schema', 'avro'], /Allowed choices are event, asyncapi, config/],
    [['validate', 'no/such.jsonl'], /there is no file no\/such\.jsonl/],
    [['validate', 'src'], /src is a directory/],
    [['erase', 'a', '--at', 'noon', '--kafka-brokers', 'a:1'], /date-time/],
    [['erase', ' ', '--kafka-brokers', 'a:1'], /\/\$key: .*blank/],
    [['erase', 'a', '--at', '2999-01-01', '--kafka-brokers', 'a:1'], /must not be later than/],
    [['config', '--kafka-sasl-password', 'hush'], /unknown option/],
  ])('%j', async (args, message) => {
    const { exitCode, stdout, stderr } = await runCli(args)
    expect(exitCode).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/^ +at /m)
  })
})

test('an invalid configuration exits with 2 and prints all errors', async () => {
  const environment = { KAFKA_BROKERS: 'nonsense', HTTP_PORT: '-1' }
  const { exitCode, stderr } = await runCli(['worker', '--log-level', 'loud'], environment)
  expect(exitCode).toBe(2)
  expect(stderr).toMatch(/^error: The configuration has 3 errors:$/m)
  expect(stderr).toMatch(/^ {2}kafka\.brokers \(KAFKA_BROKERS\)/m)
  expect(stderr).toMatch(/^ {2}http\.port \(HTTP_PORT\)/m)
  expect(stderr).toMatch(/^ {2}log\.level \(--log-level\)/m)
})

describe('config', () => {
  test('prints the value, origin and variable of every setting, and no secret', async () => {
    const environment = {
      KAFKA_TOPIC: 'accounts',
      REDIS_URL: 'redis://me:hush@redis:6379',
      KAFKA_SASL_MECHANISM: 'plain',
      KAFKA_SASL_USERNAME: 'me',
      KAFKA_SASL_PASSWORD: 'hush',
    }
    const { exitCode, stdout } = await runCli(['config', '--kafka-client-id', 'x'], environment)
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^kafka\.topic +accounts +KAFKA_TOPIC +KAFKA_TOPIC$/m)
    expect(stdout).toMatch(/^kafka\.clientId +x +--kafka-client-id +KAFKA_CLIENT_ID$/m)
    expect(stdout).toMatch(/^redis\.url +redis:\/\/\[hidden\]@redis:6379 +REDIS_URL/m)
    expect(stdout).toMatch(/^events\.maxClockSkewMs +86400000 ms +default/m)
    expect(stdout).not.toContain('hush')
    const json = await runCli(['config', '--json'], environment)
    expect(json.stdout).not.toContain('hush')
    expect(JSON.parse(json.stdout)['kafka.topic']).toMatchObject({
      value: 'accounts',
      origin: { source: 'environment', variable: 'KAFKA_TOPIC' },
    })
  })

  test('--schema prints the schema of the configuration file', async () => {
    const fromConfig = await runCli(['config', '--schema'])
    expect(fromConfig).toEqual(await runCli(['schema', 'config']))
    expect(JSON.parse(fromConfig.stdout).properties).toHaveProperty('kafka')
  })
})

describe('validate', () => {
  const good = '{"group_id":"g","user_id":"u","traits":{},"timestamp":"2024-01-01"}'
  const bad = '{"group_id":"g","traits":{"\\u001b[31m":1,"email":[]},"timestamp":"noon"}'

  test('prints all problems of each invalid line, and exits with 1', async () => {
    const input = `${good}\n\n${bad}\r\nnonsense\n{"type":"track"}\n${good}`
    const { exitCode, stdout } = await runCli(['validate', '-'], {}, input)
    expect(exitCode).toBe(1)
    expect(stdout.split('\n')).toEqual([
      'line 3: missing_field at /user_id: user_id is missing',
      expect.stringMatching(/^line 3: invalid_trait at \/traits\/email: /),
      expect.stringMatching(/^line 3: invalid_timestamp at \/timestamp: /),
      'line 4: not_json: the value is not JSON',
      '2 valid, 2 invalid, 1 ignored (another type of event)',
      '',
    ])
  })

  test('exits with 0 if every line is valid', async () => {
    expect(await runCli(['validate', '-'], {}, `${good}\n`)).toEqual({
      exitCode: 0,
      stdout: '1 valid, 0 invalid\n',
      stderr: '',
    })
  })

  test('--json prints an object for each invalid line, and nothing else', async () => {
    const { exitCode, stdout } = await runCli(['validate', '--json', '-'], {}, `${bad}\n${good}\nx`)
    expect(exitCode).toBe(1)
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines).toMatchObject([
      { line: 1, problems: [{ reason: 'missing_field', path: '/user_id' }, {}, {}] },
      { line: 3, problems: [{ reason: 'not_json', path: '' }] },
    ])
  })

  test('uses the configured limits', async () => {
    const { stdout } = await runCli(
      ['validate', '-', '--events-max-event-bytes', '1KiB'],
      {},
      `"${'x'.repeat(1100)}"`,
    )
    expect(stdout).toMatch(/^line 1: too_large: /)
  })

  test('a trait name cannot control the terminal', async () => {
    const named = good.replace('{}', `{"\\u001b[2J${'x'.repeat(300)}":1}`)
    const { stdout } = await runCli(['validate', '-'], {}, named)
    expect(stdout).toContain('\\u001b[2J')
    expect(stdout).not.toContain('\u001b')
  })
})
