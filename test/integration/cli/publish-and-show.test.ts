import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import {
  type Environment,
  type Outcome,
  ownEnvironment,
  run,
  start,
} from '../../setup/cli/command-line.ts'
import { consume, makeTopic, settingsFor } from '../../setup/kafka/topics.ts'
import { until } from '../../setup/waiting.ts'

const GOOD = '{"group_id":"acme","user_id":"u1","traits":{"plan":"free"},"timestamp":"2024-01-01"}'
/** Control characters other than the end of a line. */
const CONTROL_CHARACTERS = /(?!\n)\p{Cc}/u

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'group-traits-cli-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('show prints what was published and merged, and nothing of an erased group', async () => {
  const environment = await withTopic()
  const controls = '\\u001b[31m\\u009b2J\\nnext line'
  const events = [
    GOOD,
    `{"group_id":"acme","user_id":"u2","traits":{"plan":"paid","exact":9007199254740993},"timestamp":"2024-02-01T00:00:00.000001Z"}`,
    `{"group_id":"acme","user_id":"u1","traits":{"${controls}":"${controls}"},"assigned":false,"timestamp":"2024-03-01"}`,
    '{"group_id":"acme","user_id":"u3","traits":{"plan":null},"timestamp":"2023-01-01"}',
  ]
  const worker = start(['worker'], environment)
  try {
    const published = await run(['publish', '-'], environment, events.join('\n'))
    expect(published).toMatchObject({ exitCode: 0, stderr: '' })
    expect(published.stdout).toBe(`4 sent to topic ${environment.KAFKA_TOPIC}, 0 rejected\n`)

    const shown = await eventually(['show', 'acme'], environment, ({ stdout }) =>
      stdout.includes('members: 2'),
    )
    expect(shown.exitCode).toBe(0)
    expect(shown.stdout).toMatch(/^plan +paid +2024-02-01T00:00:00\.000001Z$/m)
    expect(shown.stdout).toMatch(/^exact +9007199254740993 +2024-02-01/m)
    expect(shown.stdout).toContain('\\u001b[31m\\u009b2J\\nnext line')
    expect(shown.stdout).not.toMatch(CONTROL_CHARACTERS)
    expect(shown.stdout).toMatch(/left: 1\nuser +left at\nu1 +2024-03-01T00:00:00\.000Z/)

    const json = await run(['show', 'acme', '--json'], environment)
    expect(json.stdout).toContain('"value": 9007199254740993')
    expect(json.stdout).not.toMatch(CONTROL_CHARACTERS)
    expect(JSON.parse(json.stdout)).toMatchObject({
      groupId: 'acme',
      traits: {
        plan: { value: 'paid', asOf: '2024-02-01T00:00:00.000001Z' },
        '\u001b[31m\u009b2J\nnext line': { value: '\u001b[31m\u009b2J\nnext line' },
      },
      members: [{ userId: 'u2' }, { userId: 'u3' }],
      memberCount: 2,
      left: [{ userId: 'u1', asOf: '2024-03-01T00:00:00.000000Z' }],
      erasedAt: null,
    })
    const user = await run(['user', 'u2'], environment)
    expect(user).toMatchObject({ exitCode: 0 })
    expect(user.stdout).toMatch(/^acme +2024-02-01T00:00:00\.000001Z$/m)

    const erased = await run(['erase', 'acme'], environment)
    expect(erased).toMatchObject({ exitCode: 0, stderr: '' })
    const gone = await eventually(['show', 'acme'], environment, ({ exitCode }) => exitCode === 1)
    expect(gone.stderr).toMatch(/^error: group acme was erased as of .*: it has no data\n$/)
    expect(gone.stdout).toBe('')
  } finally {
    const exit = once(worker, 'exit')
    worker.kill('SIGTERM')
    expect((await exit)[0]).toBe(0)
  }
}, 60_000)

test('bad lines are reported and not sent; the others are sent byte for byte, keyed by group', async () => {
  const environment = await withTopic()
  const spaced = ` ${GOOD.replace('acme', 'größe')} `
  const file = join(folder, 'mixed.jsonl')
  await writeFile(file, `${spaced}\r\n{"group_id":"x"}\n\nnonsense\n{"type":"track"}\n${GOOD}`)

  const outcome = await run(['publish', file, '--json'], environment)
  expect(outcome.exitCode).toBe(1)
  expect(JSON.parse(outcome.stdout)).toEqual({ sent: 2, rejected: 2, ignored: 1 })
  expect(outcome.stderr.split('\n')).toEqual([
    'line 2: missing_field at /user_id: user_id is missing',
    'line 2: missing_field at /traits: traits is missing',
    'line 2: missing_field at /timestamp: timestamp is missing',
    'line 4: not_json: the value is not JSON',
    '',
  ])
  const { records } = consume(settingsOf(environment))
  await until('both records', () => records.length === 2)
  const seen = records.map(({ key, value }) => [key?.toString(), value?.toString()])
  expect(seen.sort()).toEqual([
    ['acme', GOOD],
    ['größe', spaced],
  ])
})

test('a record that the broker rejects is reported by its line; the others are sent', async () => {
  const environment = await withTopic({ 'max.message.bytes': '1000' })
  const large = GOOD.replace('free', 'x'.repeat(2000))
  const lines = [GOOD, large, GOOD, large, GOOD].join('\n')
  const outcome = await run(['publish', '-', '--json'], environment, lines)
  expect(outcome.exitCode).toBe(1)
  expect(JSON.parse(outcome.stdout)).toEqual({ sent: 3, rejected: 2, ignored: 0 })
  expect(outcome.stderr).toMatch(/^line 2: rejected by topic .*\nline 4: rejected by topic .*\n$/)
})

test('skip writes the record to the dead letters and commits the next offset, once', async () => {
  const environment = await withTopic()
  await run(['publish', '-'], environment, `${GOOD}\n${GOOD}`)
  const skipped = await run(['skip', '0', '0'], environment)
  expect(skipped).toMatchObject({ exitCode: 0, stderr: '' })
  expect(skipped.stdout).toContain('continues at offset 1.')
  const deadLetters = consume({
    ...settingsOf(environment),
    topic: `${environment.KAFKA_TOPIC}.dead-letters`,
    groupId: `${environment.KAFKA_TOPIC}.letters`,
  })
  await until('the dead letter', () => deadLetters.records.length === 1)
  expect(deadLetters.values()).toEqual([GOOD])
  const again = await run(['skip', '0', '0'], environment)
  expect(again.exitCode).toBe(1)
  expect(again.stderr).toMatch(/^error: .*continues at offset 1 of partition 0, not at 0/)
}, 60_000)

async function withTopic(config: Record<string, string> = {}) {
  const environment = ownEnvironment()
  await makeTopic(settingsOf(environment), 1, config)
  return environment
}

function settingsOf({ KAFKA_TOPIC: topic = '' }: Environment) {
  return { ...settingsFor(inject('kafkaBrokers')), topic }
}

async function eventually(
  args: readonly string[],
  environment: Environment,
  isExpected: (outcome: Outcome) => boolean,
): Promise<Outcome> {
  const deadline = performance.now() + 30_000
  for (;;) {
    const outcome = await run(args, environment)
    if (isExpected(outcome) || performance.now() > deadline) return outcome
  }
}
