/** The local stack without Docker: Apache Kafka on Java, and Redis, as child processes. */

import { join } from 'node:path'
import { findFreePorts } from './free-ports.ts'
import { endpointsOn, type RunningServers } from './running-servers.ts'
import type { ChildServer } from './servers/child-server.ts'
import { startKafkaServer } from './servers/kafka-server.ts'
import { getPrograms, type Programs } from './servers/programs.ts'
import { startRedisServer } from './servers/redis-server.ts'
import { StackFailed } from './servers/stack-failed.ts'
import type { LocalStackOptions } from './stack-options.ts'

const maxAttempts = 3

/**
 * Starts Kafka and Redis, on other ports if another program takes one of them meanwhile.
 *
 * @throws StackFailed, saying what is missing or went wrong, and what to do
 */
export async function startJavaStack(options: LocalStackOptions): Promise<RunningServers> {
  const programs = await getPrograms(options)
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startServers(programs, options)
    } catch (error) {
      const portTaken = error instanceof StackFailed && /Address already in use/.test(error.message)
      if (!portTaken || attempt === maxAttempts) throw error
    }
  }
}

async function startServers(
  { java, kafkaJars, redisServer }: Programs,
  { folder, ports, report, signal }: LocalStackOptions,
): Promise<RunningServers> {
  const [kafkaPort = 0, controllerPort = 0, redisPort = 0] = await findFreePorts([
    ports?.kafka ?? 0,
    0,
    ports?.redis ?? 0,
  ])
  report('Starting Kafka and Redis')
  const servers: ChildServer[] = []
  let stopping = false
  const stop = async () => {
    stopping = true
    await Promise.all(servers.map((server) => server.stop()))
  }
  try {
    const kafkaFolder = join(folder, 'kafka')
    const kafkaOptions = { java, jars: kafkaJars, port: kafkaPort, controllerPort, signal }
    servers.push(await startRedisServer(redisServer, join(folder, 'redis'), redisPort))
    servers.push(await startKafkaServer({ ...kafkaOptions, folder: kafkaFolder }))
    await Promise.all(servers.map((server) => server.ready(signal)))
  } catch (error) {
    await stop()
    throw error
  }
  for (const server of servers) {
    server.ended.then((how) => {
      if (!stopping) report(`${server.name} ended unexpectedly ${how}. Its log: ${server.logFile}`)
    })
  }
  return {
    ...endpointsOn(kafkaPort, redisPort),
    redisServer,
    kafkaJars,
    stop,
  }
}
