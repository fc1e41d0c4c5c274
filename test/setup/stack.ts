import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { dockerAnswers } from '../../src/local/docker-stack.ts'
import { downloadsFolder } from '../../src/local/endpoints.ts'
import type { RunningServers } from '../../src/local/running-servers.ts'
import { getPrograms } from '../../src/local/servers/programs.ts'
import { StackFailed } from '../../src/local/servers/stack-failed.ts'
import { startLocalStack } from '../../src/local/stack.ts'
import { startContainers } from './containers.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Addresses (host:port) of the Kafka brokers that tests use. */
    kafkaBrokers: string[]
    redisUrl: string
    /** Path of a redis-server binary, for tests that need a Redis of their own; '' where unknown. */
    redisServer: string
    /** Java class path of the Kafka jars (`DIR/*`), for tests with the Java client; '' where unknown. */
    kafkaJars: string
  }
}

/**
 * Gives every test the same Kafka and Redis; each uses topics and key prefixes of its own.
 * Those of KAFKA_BROKERS and REDIS_URL where both are set; otherwise containers where a Docker
 * engine answers, unless TEST_STACK is `local`; otherwise the local stack.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const servers = await getServers(process.env)
  project.provide('kafkaBrokers', servers.kafkaBrokers)
  project.provide('redisUrl', servers.redisUrl)
  project.provide('redisServer', servers.redisServer)
  project.provide('kafkaJars', servers.kafkaJars)
  return servers.stop
}

async function getServers(env: NodeJS.ProcessEnv): Promise<RunningServers> {
  const { KAFKA_BROKERS, REDIS_URL, TEST_STACK } = env
  if (KAFKA_BROKERS && REDIS_URL) {
    const given = { kafkaBrokers: KAFKA_BROKERS.split(','), redisUrl: REDIS_URL }
    return { ...given, ...(await programsForTests()), stop: async () => {} }
  }
  if (TEST_STACK !== 'local' && (await dockerAnswers())) {
    return { ...(await startContainers()), ...(await programsForTests()) }
  }
  return startTemporaryStack()
}

async function startTemporaryStack(): Promise<RunningServers> {
  const folder = await mkdtemp(join(tmpdir(), 'group-traits-test-'))
  const options = { folder, downloads: downloadsFolder, report: console.log }
  const stack = await startLocalStack({ ...options, engine: 'java' })
  return {
    ...stack,
    async stop() {
      await stack.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** What some tests start servers and clients of their own with; they are skipped without it. */
async function programsForTests(): Promise<{ redisServer: string; kafkaJars: string }> {
  try {
    return await getPrograms({ downloads: downloadsFolder, report: console.log })
  } catch (error) {
    if (!(error instanceof StackFailed)) throw error
    return { redisServer: '', kafkaJars: '' }
  }
}
