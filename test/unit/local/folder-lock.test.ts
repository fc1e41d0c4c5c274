import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lockFolder } from '../../../src/local/folder-lock.ts'
import { findFreePorts } from '../../../src/local/free-ports.ts'
import { StackFailed } from '../../../src/local/servers/stack-failed.ts'

let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'group-traits-test-'))
})

afterEach(() => rm(folder, { recursive: true }))

test('a folder can be locked once, and again after it is released', async () => {
  const first = await lockFolder(folder)
  await expect(lockFolder(folder)).rejects.toThrow(StackFailed)
  await expect(lockFolder(folder)).rejects.toThrow(`Process ${process.pid} `)
  await first.release()
  const second = await lockFolder(folder)
  await second.release()
})

test('of many that lock a folder at the same time, one succeeds', async () => {
  const attempts = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(folder)))
  const locked = attempts.filter((attempt) => attempt.status === 'fulfilled')
  expect(locked).toHaveLength(1)
  await locked[0]?.value.release()
})

test('a lock left by a killed process is taken over, even if its process id is in use again', async () => {
  const [port] = await findFreePorts([0])
  const left = JSON.stringify({ pid: process.pid, port, token: 'of a killed process' })
  await writeFile(join(folder, 'lock'), left)
  const lock = await lockFolder(folder)
  await lock.release()
})

test('of many that find a lock left by a killed process, one succeeds', async () => {
  const [port] = await findFreePorts([0])
  await writeFile(
    join(folder, 'lock'),
    JSON.stringify({ pid: 1, port, token: 'of a killed process' }),
  )
  const attempts = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(folder)))
  const locked = attempts.filter((attempt) => attempt.status === 'fulfilled')
  expect(locked).toHaveLength(1)
  await locked[0]?.value.release()
})

test('a lock file that cannot be read is taken over', async () => {
  for (const text of ['', 'null', '{}']) {
    await writeFile(join(folder, 'lock'), text)
    const lock = await lockFolder(folder)
    await lock.release()
  }
})
