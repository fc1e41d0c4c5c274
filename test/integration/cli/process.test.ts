import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, openSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { ownEnvironment, run } from '../../setup/cli/command-line.ts'

describe('exit codes of the process', () => {
  test('0 for help, 2 for wrong usage, 2 for a wrong configuration', async () => {
    expect(await run(['--help'], {})).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await run(['shwo'], {})).toMatchObject({ exitCode: 2, stdout: '' })
    expect(await run(['worker'], { HTTP_PORT: 'x' })).toMatchObject({ exitCode: 2, stdout: '' })
  })

  test('1 if there is nothing to show, with a hint where to look', async () => {
    const group = await run(['show', 'nobody\n\u001b[2J'], ownEnvironment())
    expect(group).toMatchObject({ exitCode: 1, stdout: '' })
    expect(group.stderr).toMatch(/^error: there is no group nobody\\n\\u001b\[2J at Redis at /)
    expect(group.stderr).toMatch(/that a worker runs\.\n$/)
    const user = await run(['user', 'nobody'], ownEnvironment())
    expect(user).toMatchObject({ exitCode: 1, stdout: '' })
    expect(user.stderr).toContain('there is no user nobody')
  })

  test('1 if the topic does not exist, with the command that creates it', async () => {
    const outcome = await run(['publish', '-'], ownEnvironment(), '')
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '' })
    expect(outcome.stderr).toMatch(/^error: there is no topic cli-test-.*--create --topic /)
    expect(outcome.stderr).not.toMatch(/^ +at /m)
  })
})

describe('a command waits for a server until its timeout, then names it', () => {
  test.each([
    ['show', 'a'],
    ['user', 'a'],
  ])('Redis: %s', async (...args) => {
    const environment = { ...ownEnvironment(), REDIS_URL: 'redis://127.0.0.1:1' }
    const outcome = await run([...args, '--timeout', '1'], environment)
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '' })
    expect(outcome.stderr).toMatch(
      /^error: Redis at 127\.0\.0\.1:1 \(REDIS_URL\) was away for 1 s: .*ECONNREFUSED/,
    )
  })

  test.each([
    ['publish', '-'],
    ['erase', 'a'],
    ['skip', '0', '0'],
  ])('Kafka: %s', async (...args) => {
    const environment = { ...ownEnvironment(), KAFKA_BROKERS: '127.0.0.1:1' }
    const outcome = await run([...args, '--timeout', '1'], environment, '')
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '' })
    expect(outcome.stderr).toMatch(
      /^error: Kafka at 127\.0\.0\.1:1 \(KAFKA_BROKERS\) was away for 1 s: /,
    )
  })
})

test('a reader that closes the pipe (head) ends the command without an error', async () => {
  const bad = 'nonsense\n'.repeat(200_000)
  const command = `"$0" src/main.ts validate - | head -n 1; echo "\${PIPESTATUS[0]}"`
  const shell = spawn('bash', ['-c', command, process.execPath])
  shell.stdin.on('error', () => {})
  shell.stdin.end(bad)
  const [stdout, stderr] = await Promise.all([
    text(shell.stdout),
    text(shell.stderr),
    once(shell, 'exit'),
  ])
  expect(stdout).toBe('line 1: not_json: the value is not JSON\n0\n')
  expect(stderr).toBe('')
})

test.skipIf(!existsSync('/dev/full'))('a command fails if its output cannot be written', () => {
  const { status, stderr } = spawnSync(process.execPath, ['src/main.ts', 'schema'], {
    stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
    encoding: 'utf8',
  })
  expect(stderr).toMatch(/^error: cannot write the output: ENOSPC.*\n$/)
  expect(status).toBe(1)
})
