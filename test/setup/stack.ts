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
import { startContainers } from './servers/containers.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Addresses (host:port) of the Kafka brokers that all tests share. */
    kafkaBrokers: string[]
    redisUrl: string
    /** Path of a redis-server binary, for tests that start their own Redis; '' if there is none. */
    redisServer: string
    /** Java class path of the Kafka jars (`DIR/*`), for tests that start their own Kafka or Java clients; '' if there are none. */
    kafkaJars: string
  }
}

/**
 * Provides the Kafka and the Redis that all tests share; each test uses its own topics and key
 * prefixes. The servers are, in this order:
 *
 * 1. those of KAFKA_BROKERS and REDIS_URL, if both are set;
 * 2. containers, if a Docker engine answers and TEST_STACK is not `local`;
 * 3. the local stack (src/local), in a temporary folder.
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

/** Programs with which some tests start their own servers; without them those tests are skipped. */
async function programsForTests(): Promise<{ redisServer: string; kafkaJars: string }> {
  try {
    return await getPrograms({ downloads: downloadsFolder, report: console.log })
  } catch (error) {
    if (!(error instanceof StackFailed)) throw error
    return { redisServer: '', kafkaJars: '' }
  }
}
