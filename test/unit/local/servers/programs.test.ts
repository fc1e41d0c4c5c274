import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { getPrograms } from '../../../../src/local/servers/programs.ts'
import { StackFailed } from '../../../../src/local/servers/stack-failed.ts'

let root = ''

/** A machine with nothing installed. */
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'group-traits-test-'))
  await mkdir(join(root, 'bin'))
  vi.stubEnv('PATH', join(root, 'bin'))
  vi.stubEnv('JAVA_HOME', '')
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(root, { recursive: true })
})

/** Installs a program on the PATH that prints this version. */
async function install(name: string, version: string): Promise<void> {
  const path = join(root, 'bin', name)
  await writeFile(path, `#!/bin/sh\necho '${version}'\n`)
  await chmod(path, 0o755)
}

/** Creates the folder of Kafka's jars, as an earlier start left it. */
async function downloadEarlier(): Promise<void> {
  await mkdir(join(root, 'downloads/kafka-4.3.0'), { recursive: true })
}

const programs = () => getPrograms({ downloads: join(root, 'downloads'), report: () => {} })

test('without Java and Maven, the error says what to install', async () => {
  await expect(programs()).rejects.toThrow(StackFailed)
  await expect(programs()).rejects.toThrow('Java is missing and Maven (mvn) is missing')
})

test('the error says that Java is too old', async () => {
  await install('mvn', 'Apache Maven 3.9.9')
  await install('java', 'openjdk version "11.0.22" 2024-01-16')
  await expect(programs()).rejects.toThrow('without Docker Java 11 is too old (17 is needed).')
  await install('java', 'java version "1.8.0_392"')
  await expect(programs()).rejects.toThrow('without Docker Java 8 is too old (17 is needed).')
})

test('after an earlier download Maven is not needed, and a Redis on the PATH is used', async () => {
  await downloadEarlier()
  await install('java', 'openjdk version "21.0.5" 2024-10-15')
  await install('redis-server', 'Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc bits=64')
  expect(await programs()).toEqual({
    java: 'java',
    kafkaJars: join(root, 'downloads/kafka-4.3.0/*'),
    redisServer: 'redis-server',
  })
})

test('a Redis on the PATH that is too old is not used', async () => {
  await downloadEarlier()
  await install('java', 'openjdk version "21.0.5" 2024-10-15')
  await install('redis-server', 'Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc bits=64')
  await expect(programs()).rejects.toThrow('without Docker Maven (mvn) is missing.')
})

test('the Java of JAVA_HOME is preferred to that of the PATH', async () => {
  await downloadEarlier()
  await install('java', 'openjdk version "17.0.9" 2023-10-17')
  await install('redis-server', 'Redis server v=8.2.1 sha=00000000:0 malloc=libc bits=64')
  vi.stubEnv('JAVA_HOME', root)
  expect(await programs()).toMatchObject({ java: join(root, 'bin', 'java') })
})
