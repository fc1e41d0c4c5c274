import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { downloadsFolder, readLocalEndpoints } from '../../../src/local/endpoints.ts'
import { startLocalStack } from '../../../src/local/stack.ts'
import type { LocalStackOptions } from '../../../src/local/stack-options.ts'

let folder = ''
const options = (): LocalStackOptions => ({
  folder,
  downloads: downloadsFolder,
  report: () => {},
  engine: 'java',
})

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'group-traits-test-'))
})

afterEach(() => rm(folder, { recursive: true }))

describe.skipIf(inject('kafkaJars') === '')('the local stack (needs Java and Maven)', () => {
  test('stop ends the servers, and a later start has their data', async () => {
    const first = await startLocalStack(options())
    expect(readLocalEndpoints(folder)).toEqual({
      kafkaBrokers: first.kafkaBrokers,
      redisUrl: first.redisUrl,
    })
    await createTopic(first.kafkaBrokers, 'kept')
    await withRedis(first.redisUrl, (redis) => redis.set('kept', 'value'))
    const before = performance.now()
    await first.stop()
    expect(performance.now() - before).toBeLessThan(10_000)
    expect(await answering(first)).toEqual([])
    expect(readLocalEndpoints(folder)).toBeUndefined()

    const second = await startLocalStack(options())
    expect(await topicsOf(second.kafkaBrokers)).toContain('kept')
    expect(await withRedis(second.redisUrl, (redis) => redis.get('kept'))).toBe('value')
    await second.stop()
  })

  test('the servers of a killed process end, and a later start has their data', async () => {
    const killed = spawn(process.execPath, [join(import.meta.dirname, 'run-stack.ts'), folder])
    await once(killed.stdout, 'data')
    const stack = readLocalEndpoints(folder)
    if (stack === undefined) throw new Error('the stack has not written its endpoints')
    await createTopic(stack.kafkaBrokers, 'kept')
    await withRedis(stack.redisUrl, (redis) => redis.set('kept', 'value'))
    killed.kill('SIGKILL')
    await vi.waitFor(async () => expect(await answering(stack)).toEqual([]), 10_000)
    expect(readLocalEndpoints(folder)).toBeUndefined()

    const next = await startLocalStack(options())
    expect(await topicsOf(next.kafkaBrokers)).toContain('kept')
    expect(await withRedis(next.redisUrl, (redis) => redis.get('kept'))).toBe('value')
    await next.stop()
  })

  test('a second start in the same folder fails and names the first', async () => {
    const first = await startLocalStack(options())
    await expect(startLocalStack(options())).rejects.toThrow(
      `Process ${process.pid} is running a local stack in ${folder} already`,
    )
    expect(readLocalEndpoints(folder)).toBeDefined()
    await first.stop()
  })

  test('a start that fails shows the end of the log and leaves no server running', async () => {
    await mkdir(join(folder, 'kafka', 'data'), { recursive: true })
    await writeFile(join(folder, 'kafka', 'data', 'meta.properties'), 'version=99\n')
    await expect(startLocalStack(options())).rejects.toThrow(
      /^Kafka ended with code 1\. Its log .*kafka\.log ends with:\n.*No readable meta\.properties/s,
    )
    expect(await redisLog()).toContain('Redis is now ready to exit')
    await rm(join(folder, 'kafka'), { recursive: true })
    const stack = await startLocalStack(options())
    await stack.stop()
  })

  test('a start that is aborted leaves no server running', async () => {
    const aborting = new AbortController()
    const report = (progress: string) => {
      if (progress.startsWith('Starting')) setTimeout(() => aborting.abort(new Error('enough')), 50)
    }
    const start = startLocalStack({ ...options(), report, signal: aborting.signal })
    await expect(start).rejects.toThrow('enough')
    expect(await redisLog()).toContain('Redis is now ready to exit')
  })
})

async function createTopic(brokers: string[], topic: string): Promise<void> {
  await withAdmin(brokers, (admin) => admin.createTopics({ topics: [{ topic }] }))
}

function topicsOf(brokers: string[]): Promise<string[]> {
  return withAdmin(brokers, (admin) => admin.listTopics())
}

async function withAdmin<T>(
  brokers: string[],
  use: (admin: ReturnType<Kafka['admin']>) => Promise<T>,
): Promise<T> {
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    return await use(admin)
  } finally {
    await admin.disconnect()
  }
}

async function withRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url)
  try {
    return await use(redis)
  } finally {
    redis.disconnect()
  }
}

/** Returns the ports of the stack that accept connections. */
async function answering(stack: { kafkaBrokers: string[]; redisUrl: string }): Promise<number[]> {
  const ports = [...stack.kafkaBrokers, stack.redisUrl].map((url) => Number(url.split(':').pop()))
  const answers = await Promise.all(ports.map(listens))
  return ports.filter((_, index) => answers[index])
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => socket.end(() => resolve(true)))
    socket.once('error', () => resolve(false))
  })
}

function redisLog(): Promise<string> {
  return readFile(join(folder, 'redis', 'redis.log'), 'utf8')
}
