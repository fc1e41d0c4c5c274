import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { downloadsFolder, readLocalEndpoints } from '../../../src/local/endpoints.ts'
import { runCommand } from '../../../src/local/servers/run-command.ts'

/** A copy of the program has its own stack, so that the test does not use a running one here. */
const root = resolve(import.meta.dirname, '../../..')
let copy = ''

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'group-traits-test-'))
  await mkdir(join(copy, '.local'))
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
  await symlink(downloadsFolder, join(copy, '.local/downloads'))
  for (const name of ['src', 'package.json']) {
    await cp(join(root, name), join(copy, name), { recursive: true })
  }
  return () => rm(copy, { recursive: true })
})

describe.skipIf(inject('kafkaJars') === '')('npm start (needs Java and Maven)', () => {
  let started: ChildProcess
  let said = ''

  beforeAll(async () => {
    started = start()
    await vi.waitFor(() => expect(said).toContain('Ctrl-C stops everything.'), 60_000)
  }, 70_000)

  afterAll(() => void started.kill('SIGKILL'))

  function start(): ChildProcess {
    said = ''
    const args = [join(copy, 'src/main.ts'), 'local', '--engine', 'java']
    const child = spawn(process.execPath, args, { env: ownEnvironment() })
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        said += text
      })
    }
    return child
  }

  /** Runs another command of the same copy, as in another terminal. */
  async function run(...args: string[]): Promise<string> {
    const command = [join(copy, 'src/main.ts'), ...args]
    return (await runCommand(process.execPath, command, { env: ownEnvironment() })).output
  }

  test('it shows the group that the sample became', () => {
    expect(said).toContain('Sent a sample event')
    expect(said).toMatch(/plan +name of plan associate with account +2020-11-23/)
    expect(said).toContain('user123')
  })

  test('the curl command that it prints works, and so does show in another terminal', async () => {
    const curl = /curl (http\S+) .*\n.*-d '(.*)'/.exec(said)
    const [, url = '', body = ''] = curl ?? []
    const headers = { 'content-type': 'application/json' }
    expect((await fetch(url, { method: 'POST', headers, body })).status).toBe(200)
    await vi.waitFor(
      async () => expect(await run('show', 'account123')).toMatch(/plan +enterprise/),
      { timeout: 20_000 },
    )
  })

  test('a second start says that the first is running', async () => {
    expect(await run('local', '--engine', 'java')).toContain(
      `Process ${started.pid} is running a local stack`,
    )
  })

  test('Ctrl-C stops everything within seconds, and the next start has the state', async () => {
    const before = performance.now()
    started.kill('SIGINT')
    const [code] = await once(started, 'exit')
    expect(code).toBe(0)
    expect(performance.now() - before).toBeLessThan(10_000)
    expect(said).toContain('Stopped.')
    expect(readLocalEndpoints(join(copy, '.local/stack'))).toBeUndefined()
    const { output } = await runCommand('ps', ['-eo', 'args'])
    expect(output).not.toContain(copy)

    started = start()
    await vi.waitFor(() => expect(said).toContain('Ctrl-C stops everything.'), 60_000)
    expect(said).toContain('The sample event was sent earlier')
    expect(said).toMatch(/plan +enterprise/)
    started.kill('SIGTERM')
    await once(started, 'exit')
  }, 90_000)
})

/** Our environment without the variables that name servers. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const { KAFKA_BROKERS: _brokers, REDIS_URL: _redis, ...rest } = process.env
  return rest
}
